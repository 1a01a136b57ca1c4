/* SPDX-License-Identifier: MIT */
/*
 * Free inside of a block of 200 KiB.
 *
 * default: free of an address that is not the start of a block: ADDRESS
 * secure: free(): invalid pointer
 * SECURE=1: free(): invalid pointer
 */
#include "misuse.h"

static void misuse(void)
{
	free(opaque(malloc(LARGE)) + 4096);
}
