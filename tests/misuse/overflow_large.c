/* SPDX-License-Identifier: MIT */
/*
 * 8 bytes behind what may be used of a block of 200 KiB.
 *
 * default: not noticed
 * secure: SIGSEGV
 * SECURE=1: SIGSEGV
 */
#include "misuse.h"

static void misuse(void)
{
	surround(LARGE);
	char *p = opaque(malloc(LARGE)), *q = opaque(malloc(LARGE));
	char *end = p + malloc_usable_size(p);
	change(opaque(end), 8);
	free(p);
	free(q);
	free_neighbours();
	use(LARGE);
}
