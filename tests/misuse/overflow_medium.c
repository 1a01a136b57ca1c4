/* SPDX-License-Identifier: MIT */
/*
 * 8 bytes behind a block of 20,000.
 *
 * default: not noticed
 * secure: overflow: ADDRESS (size class 20480)
 * SECURE=1: overflow: ADDRESS (size class 20480)
 */
#include "misuse.h"

static void misuse(void)
{
	surround(20000);
	char *p = opaque(malloc(20000)), *q = opaque(malloc(20000));
	char *end = p + malloc_usable_size(p);
	change(opaque(end), 8);
	free(p);
	free(q);
	free_neighbours();
	use(20000);
}
