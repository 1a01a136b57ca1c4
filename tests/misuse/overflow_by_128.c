/* SPDX-License-Identifier: MIT */
/*
 * 128 bytes behind a block.
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
	change(opaque(end), 128);
	free(p);
	free(q);
	free_neighbours();
	use(BLOCK);
}
