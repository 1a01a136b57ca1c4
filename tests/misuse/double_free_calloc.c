/* SPDX-License-Identifier: MIT */
/*
 * Double free of what calloc returned.
 *
 * default: not noticed
 * secure: double free of ADDRESS (size class 112)
 * SECURE=1: double free of ADDRESS (size class 112)
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(calloc(10, 10));
	free(p);
	free(opaque(p));
}
