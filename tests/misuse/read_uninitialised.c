/* SPDX-License-Identifier: MIT */
/*
 * Read of a secret that malloc hands on to the next owner.
 *
 * default: not noticed
 * secure: prevented
 * SECURE=1: not noticed
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(BLOCK)), *q;
	memset(p, 's', BLOCK);
	free(p);
	for (int i = 0; i < 4000; i++)
		if ((q = opaque(malloc(BLOCK)))[50] == 's')
			return;
	_exit(PREVENTED);
}
