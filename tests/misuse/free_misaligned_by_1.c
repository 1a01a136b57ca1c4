/* SPDX-License-Identifier: MIT */
/*
 * Free of a pointer that is off by one.
 *
 * default: not noticed
 * secure: free of an address that is not the start of a block: ADDRESS (size class 112)
 * SECURE=1: free of an address that is not the start of a block: ADDRESS (size class 112)
 */
#include "misuse.h"

static void misuse(void)
{
	surround(BLOCK);
	free(opaque(malloc(BLOCK)) + 1);
	use(BLOCK);
}
