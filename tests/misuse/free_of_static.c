/* SPDX-License-Identifier: MIT */
/*
 * Free of a static array.
 *
 * default: free(): invalid pointer
 * secure: free(): invalid pointer
 * SECURE=1: free(): invalid pointer
 */
#include "misuse.h"

static void misuse(void)
{
	static char block[64] __attribute__((aligned(16)));
	free(opaque(block + 16));
}
