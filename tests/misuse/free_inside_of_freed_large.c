/* SPDX-License-Identifier: MIT */
/*
 * Free inside of a block of 200 KiB that is free.
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
	free(opaque(p) + 4096);
}
