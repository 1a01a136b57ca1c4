/* SPDX-License-Identifier: MIT */
/*
 * Double free of a block aligned to 1 MiB.
 *
 * default: free of memory that is not allocated: ADDRESS
 * secure: SIGSEGV
 * SECURE=1: SIGSEGV
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(aligned_alloc(1 << 20, 1 << 20));
	free(p);
	free(opaque(p));
}
