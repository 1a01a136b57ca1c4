/* SPDX-License-Identifier: MIT */
/*
 * libhakmem: a drop-in malloc. Programs need nothing of this header; it is for those that want to
 * ask the allocator about itself. See hakmem(3).
 */
#ifndef HAKMEM_H
#define HAKMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the library, "MAJOR.MINOR.PATCH". */
const char *hak_version(void);

/*
 * Tells whether the block that starts at `p` was allocated by libhakmem (and not, for instance, by
 * glibc). NULL is nobody's.
 */
bool hak_owns(const void *p);

/*
 * Value in force of an option ("HAKMEM_PURGE_MS"; words such as "speed" read as their position,
 * from 0). Returns 0, or -1 and errno ENOENT when there is no option of that name.
 */
int hak_option(const char *name, uint64_t *value);

/* Mode in force: "normal", "checked" or "libc". */
const char *hak_mode(void);

#ifdef __cplusplus
}
#endif

#endif
