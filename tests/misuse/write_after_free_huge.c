/* SPDX-License-Identifier: MIT */
/*
 * Write to a freed block of 30 MiB.
 *
 * default: not noticed
 * secure: SIGSEGV
 * SECURE=1: SIGSEGV
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(HUGE));
	free(p);
	memset(opaque(p) + 100, 'x', 8);
}
