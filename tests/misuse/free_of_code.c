/* SPDX-License-Identifier: MIT */
/*
 * Free of a function.
 *
 * default: munmap_chunk(): invalid pointer
 * secure: munmap_chunk(): invalid pointer
 * SECURE=1: munmap_chunk(): invalid pointer
 */
#include "misuse.h"

static void misuse(void)
{
	free(opaque((void *)(uintptr_t)misuse));
}
