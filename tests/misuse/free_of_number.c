/* SPDX-License-Identifier: MIT */
/*
 * Free of the number 8.
 *
 * default: SIGSEGV
 * secure: SIGSEGV
 * SECURE=1: SIGSEGV
 */
#include "misuse.h"

static void misuse(void)
{
	free(opaque((void *)8));
}
