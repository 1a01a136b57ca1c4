/* SPDX-License-Identifier: MIT */
/*
 * Realloc of a freed block, to more.
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
	p = opaque(realloc(opaque(p), 5000));
	use(BLOCK);
}
