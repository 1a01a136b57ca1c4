/* SPDX-License-Identifier: MIT */
/*
 * 8 bytes behind the smallest block.
 *
 * default: not noticed
 * secure: overflow: ADDRESS (size class 16)
 * SECURE=1: overflow: ADDRESS (size class 16)
 */
#include "misuse.h"

static void misuse(void)
{
	surround(1);
	char *p = opaque(malloc(1)), *q = opaque(malloc(1));
	char *end = p + malloc_usable_size(p);
	change(opaque(end), 8);
	free(p);
	free(q);
	free_neighbours();
	use(1);
}
