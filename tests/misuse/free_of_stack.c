/* SPDX-License-Identifier: MIT */
/*
 * Free of an array on the stack.
 *
 * default: free(): invalid pointer
 * secure: free(): invalid pointer
 * SECURE=1: free(): invalid pointer
 */
#include "misuse.h"

static void misuse(void)
{
	char local[64] __attribute__((aligned(16))) = {0};
	free(opaque(local + 16));
}
