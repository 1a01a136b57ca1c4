/* SPDX-License-Identifier: MIT */
/*
 * One byte behind what was asked for, within what may be used.
 *
 * default: not noticed
 * secure: not noticed
 * SECURE=1: not noticed
 */
#include "misuse.h"

static void misuse(void)
{
	surround(90);
	char *p = opaque(malloc(90));
	memset(opaque(p) + 90, 'x', 1);
	free(p);
	use(90);
}
