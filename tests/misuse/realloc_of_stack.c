/* SPDX-License-Identifier: MIT */
/*
 * Realloc of an array on the stack.
 *
 * default: realloc(): invalid pointer
 * secure: realloc(): invalid pointer
 * SECURE=1: realloc(): invalid pointer
 */
#include "misuse.h"

static void misuse(void)
{
	char local[64] __attribute__((aligned(16))) = {0};
	char *p = opaque(realloc(opaque(local + 16), 5000));
	(void)p;
}
