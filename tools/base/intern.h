/* SPDX-License-Identifier: MIT */
/*
 * A set of strings: equal strings have one address, which stays valid until the set is freed. So
 * holders compare and hash addresses, and nobody owns a name alone.
 */
#ifndef HAK_INTERN_H
#define HAK_INTERN_H

#include <stddef.h>

struct intern;

/* NULL and ENOMEM on failure. */
struct intern *intern__new(void);

/* Accepts NULL. */
void intern__free(struct intern *set);

/* The set's copy of the `length` bytes at `string`, zero-terminated. NULL when out of memory. */
const char *intern__bytes(struct intern *set, const char *string, size_t length);
const char *intern__string(struct intern *set, const char *string);

/* The same of a name that somebody else has chosen: as text of one line that may be shown anywhere,
 * cut where it is longer than any name. */
const char *intern__name(struct intern *set, const char *string, size_t length);

/* Bytes of all its strings. */
size_t intern__size(const struct intern *set);

#endif
