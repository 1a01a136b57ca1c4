/* SPDX-License-Identifier: MIT */
/*
 * Double free of 30 MiB.
 *
 * default: double free of ADDRESS
 * secure: SIGSEGV
 * SECURE=1: SIGSEGV
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(HUGE));
	free(p);
	free(opaque(p));
}
