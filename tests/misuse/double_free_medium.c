/* SPDX-License-Identifier: MIT */
/*
 * Double free of 20,000 bytes.
 *
 * default: not noticed
 * secure: double free of ADDRESS (size class 20480)
 * SECURE=1: double free of ADDRESS (size class 20480)
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(20000));
	free(p);
	free(opaque(p));
}
