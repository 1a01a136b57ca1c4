/* SPDX-License-Identifier: MIT */
/*
 * Sized delete that tells a smaller size.
 *
 * default: not noticed
 * secure: sized free of a block of another size: ADDRESS (size class 112)
 * SECURE=1: sized free of a block of another size: ADDRESS (size class 112)
 */
#include "misuse.h"

static void misuse(void)
{
	surround(BLOCK);
	::operator delete(opaque(::operator new(BLOCK)), (size_t)20);
	use(BLOCK);
}
