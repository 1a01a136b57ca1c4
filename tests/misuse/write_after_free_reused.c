/* SPDX-License-Identifier: MIT */
/*
 * Write to a freed block whose memory malloc has handed out again at once.
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
	char *q = opaque(malloc(BLOCK));
	memset(q, 0, BLOCK);
	memset(opaque(p), 'x', BLOCK);
	if (q[0] != 'x')
		_exit(PREVENTED);
}
