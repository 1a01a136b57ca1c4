/* SPDX-License-Identifier: MIT */
/*
 * Double free with the frees of ten others between.
 *
 * default: not noticed
 * secure: double free of ADDRESS (size class 112)
 * SECURE=1: double free of ADDRESS (size class 112)
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(BLOCK)), *q[10];
	for (int i = 0; i < 10; i++)
		q[i] = opaque(malloc(BLOCK));
	free(p);
	for (int i = 0; i < 10; i++)
		free(q[i]);
	free(opaque(p));
}
