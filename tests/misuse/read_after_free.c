/* SPDX-License-Identifier: MIT */
/*
 * Read of a secret in a freed block.
 *
 * default: not noticed
 * secure: prevented
 * SECURE=1: not noticed
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(BLOCK));
	memset(p, 's', BLOCK);
	free(p);
	if (opaque(p)[50] != 's')
		_exit(PREVENTED);
}
