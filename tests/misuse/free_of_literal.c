/* SPDX-License-Identifier: MIT */
/*
 * Free of a string literal.
 *
 * default: free(): invalid pointer
 * secure: free(): invalid pointer
 * SECURE=1: free(): invalid pointer
 */
#include "misuse.h"

static void misuse(void)
{
	free(opaque((void *)(uintptr_t) "a literal of more than sixteen bytes"));
}
