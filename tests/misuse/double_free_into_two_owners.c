/* SPDX-License-Identifier: MIT */
/*
 * Double free, then two mallocs that must not return the same block.
 *
 * default: not noticed
 * secure: double free of ADDRESS (size class 112)
 * SECURE=1: double free of ADDRESS (size class 112)
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(BLOCK)), *q = opaque(malloc(BLOCK));
	free(p);
	free(q);
	free(opaque(p));
	char *a = opaque(malloc(BLOCK)), *b = opaque(malloc(BLOCK)), *c = opaque(malloc(BLOCK));
	if (a != b && b != c && a != c)
		_exit(PREVENTED);
}
