/* SPDX-License-Identifier: MIT */
/*
 * Floor 6: blocks that are checked one by one, for the profile secure.
 *
 * A free is refused, and ends the process, unless just there a block begins that the program has
 * (live.h), and unless the canary behind it is whole. The block is cleared, and waits: each class
 * has so many freed blocks in a pool from which the next free draws, at random, the one that goes
 * back to its span. So nothing that is freed can be handed out next, and nobody can tell when it
 * will be. When it is, it must still be clear: else somebody has written to it in between.
 *
 * In the build SECURE=1 most of that stands in the hot path (hot_secure.h); what comes here are the
 * operations of threads that have no cache.
 */
#ifndef HAK_SECURE_H
#define HAK_SECURE_H

#include "base.h"

/*
 * Bytes behind what a block's user may have. They hold the block's mark while it is in use, and are
 * zero while it is free.
 */
enum { SECURE_PAD = sizeof(uint64_t) };

/* In the build SECURE=1 blocks of more bytes than that come and go by this module as well. */
enum { SECURE_STOCK_MAX = 4096 };

extern uint64_t secure_key __attribute__((visibility("hidden")));

static inline uint64_t secure_mark(const void *p)
{
	return secure_key ^ (uintptr_t)p;
}

/*
 * Called once, at start, before the first arena. `alone`: all blocks come and go by this module, so
 * that it keeps the bits of live.h, clears every block that is freed, and looks at all of it when
 * it is handed out again. Otherwise the mark alone says that a block is live, and of freed ones the
 * first two words and the last one are zero.
 */
void secure_init(bool alone);

/* Whether secure_init() was called. */
bool secure_is_on(void);

/* A block of the class; NULL when there is no memory. */
void *secure_take(unsigned class);

/* Frees a block of the class, as far as the address map knows. Aborts on misuse. */
void secure_give(unsigned class, void *p);

/* The block that begins at `p`, which the address map says is of that class, is in use and whole;
 * aborts otherwise. */
void secure_require(unsigned class, const void *p);

/* The size that a sized free tells, `n` bytes aligned to `align` (ALIGN_MIN: nothing was said of
 * that), is that of a request that gets a block like `p`; aborts otherwise. Any address is fine. */
void secure_require_size(const void *p, size_t n, size_t align);

/* Abort, saying what is wrong: with `p`, in a granule of a class, which has no mark and is to be
 * freed; with a free block whose words are not zero. */
_Noreturn void secure_report(const void *p);
_Noreturn void secure_changed(const void *p);

/* A block from a span, in the place of secure_take(): its words are made zero if it may be one that
 * was never handed out (`fresh`), and must be already if not. */
void secure_prepare(unsigned class, void *p, bool fresh);

/* Gives all blocks that wait back to their spans. */
void secure_flush(void);

/* Blocks of the class that are here. */
size_t secure_waiting(unsigned class);

/* Whether the blocks of the class that are here are clear and no others, the lock held. */
bool secure_is_valid(unsigned class);

/* For checks, while no other thread runs: the blocks of the class that are here, one by one. */
void secure_each(unsigned class, void (*visit)(const void *p, void *about), void *about);

void secure_lock_all(void); /* for fork */
void secure_unlock_all(void);

#endif
