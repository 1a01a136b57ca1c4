/* SPDX-License-Identifier: MIT */
/* Floor 3: what happens when a program frees what it must not: one line on stderr, then abort(). */
#ifndef HAK_MISUSE_H
#define HAK_MISUSE_H

#include "base.h"

enum misuse_kind {
	MISUSE_DOUBLE_FREE = 1,
	MISUSE_NOT_A_BLOCK = 2, /* inside of a block, or between blocks */
	MISUSE_NOT_OURS = 3,    /* in our window, but nothing that was handed out */
};

/* `class` is 0 where none is known. */
_Noreturn void misuse_report(enum misuse_kind kind, const void *p, unsigned class);

#endif
