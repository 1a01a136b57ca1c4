/* SPDX-License-Identifier: MIT */
/*
 * Double delete.
 *
 * default: not noticed
 * secure: double free of ADDRESS (size class 112)
 * SECURE=1: double free of ADDRESS (size class 112)
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(new char[BLOCK]);
	delete[] p;
	delete[] opaque(p);
}
