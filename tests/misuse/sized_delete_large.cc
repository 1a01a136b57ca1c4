/* SPDX-License-Identifier: MIT */
/*
 * Sized delete of 200 KiB that tells 100 KiB.
 *
 * default: not noticed
 * secure: sized free of a block of another size: ADDRESS
 * SECURE=1: sized free of a block of another size: ADDRESS
 */
#include "misuse.h"

static void misuse(void)
{
	::operator delete(opaque(::operator new(LARGE)), (size_t)LARGE / 2);
}
