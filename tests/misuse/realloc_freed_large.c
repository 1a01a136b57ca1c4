/* SPDX-License-Identifier: MIT */
/*
 * Realloc of a freed block of 200 KiB.
 *
 * default: free of memory that is not allocated: ADDRESS
 * secure: SIGSEGV
 * SECURE=1: SIGSEGV
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(LARGE));
	free(p);
	p = opaque(realloc(opaque(p), LARGE + 100000));
}
