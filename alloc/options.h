/* SPDX-License-Identifier: MIT */
/* Floor 3: options, read once from the environment; one table
 * (options.c) is also docs/options.md. */
#ifndef HAK_OPTIONS_H
#define HAK_OPTIONS_H

#include "base.h"

enum profile { PROFILE_SPEED, PROFILE_LEAN, PROFILE_SECURE };

struct options {
	uint64_t force_libc;      /* 0 or 1 */
	uint64_t fastlane_direct; /* 0 or 1 */
	uint64_t profile;         /* enum profile */
	uint64_t sample_bytes;    /* mean distance of samples, 1 .. 2^40 */
	uint64_t guard;      /* mean allocations from one guarded block to the next; 0 = none */
	uint64_t purge_ms;   /* decay of free memory, 0 .. 3600000 */
	uint64_t huge_pages; /* 0 or 1 */
	uint64_t bind_libc;  /* 0 or 1 */
	uint64_t verbose;    /* enum verbose */
};

enum verbose { VERBOSE_QUIET, VERBOSE_START, VERBOSE_OPTIONS };

extern struct options options;

/* Whether every block is checked: HAKMEM_PROFILE=secure, and anything in the build SECURE=1; and
 * whether that is done on the cold path alone. */
static inline bool options_secure(void)
{
	return HAK_SECURE || options.profile == PROFILE_SECURE;
}

static inline bool options_secure_alone(void)
{
	return options.profile == PROFILE_SECURE || (HAK_SECURE && !options.fastlane_direct);
}

/*
 * Reads the environment over the defaults. A name that begins with HAKMEM_ but is not known, or a
 * value that is malformed or out of range, is reported once on stderr; the default is kept.
 */
void options_read(void);

/* Writes the table as docs/options.md. */
void options_print(void);

/* Value in force of the option of that name ("HAKMEM_PURGE_MS"); false when there is none. */
bool options_value(const char *name, uint64_t *value);

#endif
