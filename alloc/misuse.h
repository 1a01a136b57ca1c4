/* SPDX-License-Identifier: MIT */
/* Floor 3: what happens when a program frees what it must not: one line on stderr, then abort(). */
#ifndef HAK_MISUSE_H
#define HAK_MISUSE_H

#include "base.h"

enum misuse_kind {
	MISUSE_DOUBLE_FREE = 1,
	MISUSE_NOT_A_BLOCK = 2, /* inside of a block, or between blocks */
	MISUSE_NOT_OURS = 3,    /* in our window, but nothing that was handed out */
	MISUSE_OVERFLOW = 4,    /* these are noticed with guarded blocks or in secure: behind it, */
	MISUSE_UNDERFLOW = 5,   /* in front of it, */
	MISUSE_AFTER_FREE = 6,  /* when it was free */
	MISUSE_WRONG_SIZE = 7,  /* a sized free that tells another size */
};

/* The line and the probe alone; `about` is what else there is to say, appended. For a signal
 * handler. */
void misuse_write(enum misuse_kind kind, const void *p, unsigned class, const char *about);

/*
 * `class` is 0 where none is known. No lock may be held, and before abort() the thread leaves what
 * it is in the middle of: handlers of SIGABRT allocate.
 */
_Noreturn void misuse_report(enum misuse_kind kind, const void *p, unsigned class);

/* What the thread does to leave. */
void misuse_init(void (*leave)(void));

#endif
