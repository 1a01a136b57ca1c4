/* SPDX-License-Identifier: MIT */
/*
 * Free of a block that realloc has moved.
 *
 * default: not noticed
 * secure: double free of ADDRESS (size class 112)
 * SECURE=1: double free of ADDRESS (size class 112)
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(BLOCK));
	char *q = opaque(realloc(p, 5000));
	free(opaque(p));
	use(BLOCK);
	free(q);
}
