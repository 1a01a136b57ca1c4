/* SPDX-License-Identifier: MIT */
/*
 * Double free of an aligned block.
 *
 * default: not noticed
 * secure: double free of ADDRESS (size class 768)
 * SECURE=1: double free of ADDRESS (size class 768)
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(aligned_alloc(256, 512));
	free(p);
	free(opaque(p));
}
