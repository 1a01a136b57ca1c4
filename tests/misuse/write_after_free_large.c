/* SPDX-License-Identifier: MIT */
/*
 * Write to a freed block of 200 KiB.
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
	free(p);
	memset(opaque(p) + 100, 'x', 8);
	use(LARGE);
}
