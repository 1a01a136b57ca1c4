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
	uint32_t word; /* 0 free, 1 held, 2 held and somebody waits; above: lock_fork_begin */
};

void lock_wait(struct lock *lock);  /* slow path of lock_take */
void lock_leave(struct lock *lock); /* of lock_give */

/*
 * The calling thread forks and holds every lock that a thread may wait for. Until lock_fork_end it
 * may take and give each of them again, which leaves it held: fork handlers of others, which run
 * in between, may allocate. In the child the thread is still the one that forks.
 */
void lock_fork_begin(void);
void lock_fork_end(void);
bool lock_forks_here(void); /* the calling thread is between the two */

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
	if (unlikely(__atomic_sub_fetch(&lock->word, 1, __ATOMIC_RELEASE)))
		lock_leave(lock);
}

static inline bool lock_try(struct lock *lock)
{
	uint32_t free_word = 0;
	return __atomic_compare_exchange_n(&lock->word, &free_word, 1, false, __ATOMIC_ACQUIRE,
	                                   __ATOMIC_RELAXED);
}

#endif
