/* SPDX-License-Identifier: MIT */
/*
 * Sized delete that tells a larger alignment.
 *
 * default: not noticed
 * secure: sized free of a block of another size: ADDRESS (size class 112)
 * SECURE=1: sized free of a block of another size: ADDRESS (size class 112)
 */
#include <new>

#include "misuse.h"

static void misuse(void)
{
	surround(BLOCK);
	char *p = opaque(::operator new(BLOCK));
	if ((uintptr_t)p % 4096 == 0)
		p = opaque(::operator new(BLOCK));
	::operator delete(p, (size_t)BLOCK, (std::align_val_t)4096);
	use(BLOCK);
}
