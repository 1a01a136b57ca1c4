/* SPDX-License-Identifier: MIT */
/*
 * Free of an address where nothing is.
 *
 * default: SIGSEGV
 * secure: SIGSEGV
 * SECURE=1: SIGSEGV
 */
#include "misuse.h"

static void misuse(void)
{
	free(opaque((void *)0x7fff00000010));
}
