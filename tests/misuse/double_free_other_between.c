/* SPDX-License-Identifier: MIT */
/*
 * Double free with the free of another block between.
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
}
