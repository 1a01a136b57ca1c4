/* SPDX-License-Identifier: MIT */
/*
 * Write to the middle of a freed block.
 *
 * default: not noticed
 * secure: use after free: ADDRESS (size class 112)
 * SECURE=1: not noticed
 */
#include "misuse.h"

static void misuse(void)
{
	surround(BLOCK);
	char *p = opaque(malloc(BLOCK));
	free(p);
	memset(opaque(p) + 40, 'x', 8);
	use(BLOCK);
}
