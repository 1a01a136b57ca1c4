/* SPDX-License-Identifier: MIT */
/*
 * Realloc of a freed block, to the same size.
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
	p = opaque(realloc(opaque(p), BLOCK));
	use(BLOCK);
}
