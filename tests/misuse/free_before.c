/* SPDX-License-Identifier: MIT */
/*
 * Free 16 bytes in front of a block.
 *
 * default: not noticed
 * secure: free of an address that is not the start of a block: ADDRESS (size class 112)
 * SECURE=1: free of an address that is not the start of a block: ADDRESS (size class 112)
 */
#include "misuse.h"

static void misuse(void)
{
	surround(BLOCK);
	free(opaque(malloc(BLOCK)) - 16);
	use(BLOCK);
}
