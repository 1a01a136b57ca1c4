/* SPDX-License-Identifier: MIT */
/*
 * Double free of the smallest block.
 *
 * default: not noticed
 * secure: double free of ADDRESS (size class 16)
 * SECURE=1: double free of ADDRESS (size class 16)
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(1));
	free(p);
	free(opaque(p));
}
