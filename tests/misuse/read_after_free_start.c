/* SPDX-License-Identifier: MIT */
/*
 * Read of a secret in the first bytes of a freed block.
 *
 * default: not noticed
 * secure: prevented
 * SECURE=1: prevented
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(BLOCK));
	memset(p, 's', BLOCK);
	free(p);
	if (memcmp(opaque(p), "ssssssssssssssss", 16) != 0)
		_exit(PREVENTED);
}
