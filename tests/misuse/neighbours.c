/* SPDX-License-Identifier: MIT */
/*
 * Blocks that are handed out one after the other lie side by side.
 *
 * default: not noticed
 * secure: prevented
 * SECURE=1: prevented
 */
#include "misuse.h"

static void misuse(void)
{
	char *last = opaque(malloc(BLOCK));
	int close = 0;
	for (int i = 0; i < 100; i++) {
		char *p = opaque(malloc(BLOCK));
		close += llabs(p - last) <= 2 * BLOCK;
		last = p;
	}
	if (close < 50)
		_exit(PREVENTED);
}
