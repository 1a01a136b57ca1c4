/* SPDX-License-Identifier: MIT */
/*
 * Write to the first bytes of a freed block.
 *
 * default: not noticed
 * secure: use after free: ADDRESS (size class 112)
 * SECURE=1: use after free: ADDRESS (size class 112)
 */
#include "misuse.h"

static void misuse(void)
{
	surround(BLOCK);
	char *p = opaque(malloc(BLOCK));
	free(p);
	memset(opaque(p), 'x', 8);
	use(BLOCK);
}
