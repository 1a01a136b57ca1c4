/* SPDX-License-Identifier: MIT */
/*
 * Double free, the first one in a thread that has exited.
 *
 * default: not noticed
 * secure: double free of ADDRESS (size class 112)
 * SECURE=1: double free of ADDRESS (size class 112)
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(BLOCK));
	in_thread(free_it, p);
	free(opaque(p));
	use(BLOCK);
}
