/* SPDX-License-Identifier: MIT */
/*
 * Write to the middle of a freed block of 20,000 bytes.
 *
 * default: not noticed
 * secure: use after free: ADDRESS (size class 20480)
 * SECURE=1: use after free: ADDRESS (size class 20480)
 */
#include "misuse.h"

static void misuse(void)
{
	surround(20000);
	char *p = opaque(malloc(20000));
	free(p);
	memset(opaque(p) + 10000, 'x', 8);
	use(20000);
}
