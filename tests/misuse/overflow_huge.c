/* SPDX-License-Identifier: MIT */
/*
 * One byte behind a block of 30 MiB.
 *
 * default: SIGSEGV
 * secure: SIGSEGV
 * SECURE=1: SIGSEGV
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(HUGE));
	memset(p + malloc_usable_size(p), 'x', 1);
	free(p);
}
