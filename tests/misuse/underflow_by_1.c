/* SPDX-License-Identifier: MIT */
/* clang-format off */
/*
 * One byte in front of a block.
 *
 * default: not noticed
 * secure: overflow: ADDRESS (size class 112) or use after free: ADDRESS (size class 112) or not noticed
 * SECURE=1: overflow: ADDRESS (size class 112) or use after free: ADDRESS (size class 112) or not noticed
 */
#include "misuse.h"

static void misuse(void)
{
	surround(BLOCK);
	char *p = opaque(malloc(BLOCK));
	change(opaque(p) - 1, 1);
	free(p);
	free_neighbours();
	use(BLOCK);
}
