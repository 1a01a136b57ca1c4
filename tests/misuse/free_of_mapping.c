/* SPDX-License-Identifier: MIT */
/*
 * Free of what mmap returned.
 *
 * default: free(): invalid pointer
 * secure: free(): invalid pointer
 * SECURE=1: free(): invalid pointer
 */
#include <sys/mman.h>

#include "misuse.h"

static void misuse(void)
{
	char *p = (char *)mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                       -1, 0);
	free(opaque(p + 4096));
}
