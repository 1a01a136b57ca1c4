/* SPDX-License-Identifier: MIT */
/*
 * Floor 2: a lock of one word, zero when free: usable before any constructor has run and re-made
 * by zeroing in a forked child. Held for short, bounded work only.
 *
 * Order, outermost first: spare thread caches, registry (tally), claim (idle), depot, span bins,
 * guard, huge table, arena, metadata. Within one kind at most one is held, but by the fork
 * handlers.
 */
#ifndef HAK_LOCK_H
#define HAK_LOCK_H

#include "base.h"
#include "os.h"

struct lock {
	uint32_t word; /* 0 free, 1 held, 2 held and somebody waits */
};

void lock_wait(struct lock *lock); /* slow path of lock_take */

static inline void lock_take(struct lock *lock)
{
	uint32_t free_word = 0;
	if (likely(__atomic_compare_exchange_n(&lock->word, &free_word, 1, false, __ATOMIC_ACQUIRE,
	                                       __ATOMIC_RELAXED)))
		return;
	lock_wait(lock);
}

static inline void lock_give(struct lock *lock)
{
	if (unlikely(__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2))
		os_wake(&lock->word);
}

static inline bool lock_try(struct lock *lock)
{
	uint32_t free_word = 0;
	return __atomic_compare_exchange_n(&lock->word, &free_word, 1, false, __ATOMIC_ACQUIRE,
	                                   __ATOMIC_RELAXED);
}

#endif
