/* SPDX-License-Identifier: MIT */
/*
 * Realloc of an address inside of a block.
 *
 * default: not noticed
 * secure: free of an address that is not the start of a block: ADDRESS (size class 112)
 * SECURE=1: free of an address that is not the start of a block: ADDRESS (size class 112)
 */
#include "misuse.h"

static void misuse(void)
{
	surround(BLOCK);
	char *p = opaque(realloc(opaque(malloc(BLOCK)) + 16, 5000));
	(void)p;
	use(BLOCK);
}
