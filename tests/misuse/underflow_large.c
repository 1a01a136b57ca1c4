/* SPDX-License-Identifier: MIT */
/*
 * 8 bytes in front of a block of 200 KiB.
 *
 * default: not noticed
 * secure: SIGSEGV
 * SECURE=1: SIGSEGV
 */
#include "misuse.h"

static void misuse(void)
{
	surround(LARGE);
	char *p = opaque(malloc(LARGE));
	change(opaque(p) - 8, 8);
	free(p);
	free_neighbours();
	use(LARGE);
}
