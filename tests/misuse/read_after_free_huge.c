/* SPDX-License-Identifier: MIT */
/*
 * Read of a freed block of 30 MiB.
 *
 * default: not noticed
 * secure: SIGSEGV
 * SECURE=1: SIGSEGV
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(HUGE));
	memset(p, 's', HUGE);
	free(p);
	if (opaque(p)[5000] != 's')
		_exit(PREVENTED);
}
