/* SPDX-License-Identifier: MIT */
/*
 * One page in front of a block of 30 MiB.
 *
 * default: SIGSEGV
 * secure: SIGSEGV
 * SECURE=1: SIGSEGV
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(HUGE));
	memset(opaque((void *)((uintptr_t)p & -(uintptr_t)4096)) - 4096, 'x', 1);
	free(p);
}
