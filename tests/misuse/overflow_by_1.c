/* SPDX-License-Identifier: MIT */
/*
 * One byte behind what may be used of a block.
 *
 * default: not noticed
 * secure: overflow: ADDRESS (size class 112)
 * SECURE=1: overflow: ADDRESS (size class 112)
 */
#include "misuse.h"

static void misuse(void)
{
	surround(BLOCK);
	char *p = opaque(malloc(BLOCK)), *q = opaque(malloc(BLOCK));
	char *end = p + malloc_usable_size(p);
	change(opaque(end), 1);
	free(p);
	free(q);
	free_neighbours();
	use(BLOCK);
}
