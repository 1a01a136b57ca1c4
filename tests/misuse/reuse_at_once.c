/* SPDX-License-Identifier: MIT */
/*
 * Malloc hands out what was freed just before.
 *
 * default: not noticed
 * secure: prevented
 * SECURE=1: prevented
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(BLOCK));
	free(p);
	if (opaque(malloc(BLOCK)) != p)
		_exit(PREVENTED);
}
