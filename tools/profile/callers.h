/* SPDX-License-Identifier: MIT */
/* Who calls the allocator, from a profile of sampled allocations. */
#ifndef HAK_CALLERS_H
#define HAK_CALLERS_H

#include <stddef.h>
#include <stdint.h>

#include "tools/profile/profile.h"

struct caller_row {
	const char *caller; /* lives as long as the profile */
	const char *entry;  /* what it called: malloc, calloc, … */
	double weight;      /* in the profile's unit */
	uint64_t samples;
};

/*
 * The callers with the most weight, the heaviest first, at most `max`; how many, or -ENOMEM. A
 * stack of one frame has no caller: it shows as "[unknown]".
 */
int callers__top(const struct profile *profile, struct caller_row *rows, size_t max);

#endif
