/* SPDX-License-Identifier: MIT */
/*
 * A loop that writes on and on behind a block.
 *
 * default: SIGSEGV
 * secure: SIGSEGV
 * SECURE=1: SIGSEGV
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(BLOCK));
	for (size_t i = 0; i < (size_t)1 << 30; i++)
		opaque(p)[i] = 'x';
}
