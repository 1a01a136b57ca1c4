/* SPDX-License-Identifier: MIT */
/*
 * Free 1,024 bytes inside of a block of 20,000.
 *
 * default: free of an address that is not the start of a block: ADDRESS (size class 20480)
 * secure: free of an address that is not the start of a block: ADDRESS (size class 20480)
 * SECURE=1: free of an address that is not the start of a block: ADDRESS (size class 20480)
 */
#include "misuse.h"

static void misuse(void)
{
	free(opaque(malloc(20000)) + 1024);
	use(20000);
}
