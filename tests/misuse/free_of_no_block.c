/* SPDX-License-Identifier: MIT */
/*
 * Free of an aligned address in the heap that was never handed out.
 *
 * default: not noticed
 * secure: free of an address that is not the start of a block: ADDRESS (size class 112)
 * SECURE=1: free of an address that is not the start of a block: ADDRESS (size class 112)
 */
#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(BLOCK)), *page = (void *)(((uintptr_t)p | 0xffff) - 0xfff);
	if ((page - p) % 112 == 0) /* where a block of the class would begin */
		page += 16;
	free(opaque(page));
	use(BLOCK);
}
