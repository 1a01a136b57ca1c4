/* SPDX-License-Identifier: MIT */
/*
 * Double free, the second one in another thread.
 *
 * default: not noticed
 * secure: double free of ADDRESS (size class 112)
 * SECURE=1: double free of ADDRESS (size class 112)
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(BLOCK));
	free(p);
	in_thread(free_it, opaque(p));
	use(BLOCK);
}
