/* SPDX-License-Identifier: MIT */
/*
 * Malloc_usable_size of a freed block.
 *
 * default: not noticed
 * secure: double free of ADDRESS (size class 112)
 * SECURE=1: double free of ADDRESS (size class 112)
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(BLOCK));
	free(p);
	if (malloc_usable_size(opaque(p)) == 0)
		_exit(PREVENTED);
}
