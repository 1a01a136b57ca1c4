/* SPDX-License-Identifier: MIT */
/*
 * Free inside of a block of 30 MiB.
 *
 * default: free(): invalid pointer
 * secure: free(): invalid pointer
 * SECURE=1: free(): invalid pointer
 */
#include "misuse.h"

static void misuse(void)
{
	free(opaque(malloc(HUGE)) + 4096);
}
