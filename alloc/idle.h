/* SPDX-License-Identifier: MIT */
/*
 * Floor 7: the stock of threads that make no cold visit. A thread that waits, or works on a few
 * hits, would keep its magazines for ever: other threads take them.
 *
 * The owner's hot path knows nothing of that, and no instruction of it waits for anybody. What
 * makes it safe:
 *   - Visits. The owner makes its record's seq odd, then looks at `disturbed`; the other sets
 * `disturbed`, has every running thread of the process pass a memory barrier (membarrier(2)), then
 * looks at seq. So either the owner waits or the other gives up: while it has the claim, the owner
 * is in no visit, and comes into none.
 *   - Mallocs. The other takes the credit of a class away, by an exchange, and has a barrier passed
 * again. Then the credit is either gone for good, or the owner was just using some and has written
 * over it: such a class is not idle and is left alone. Without credit the next malloc is a cold
 * visit.
 *   - One malloc may have used its credit and not taken its block yet: the block on top is left.
 * All below it is out of reach for the hot path.
 *   - Frees only write at the top and beyond, and go on.
 *   - Nothing of it is done to a thread that is not known to live (life.h), and that is asked again
 * right before something is written to its slots.
 * The owner puts its magazine in order in its next visit.
 */
#ifndef HAK_IDLE_H
#define HAK_IDLE_H

#include "tally.h"
#include "thread.h"

/* Called once, before the second thread: without it, or on a
 * kernel before 4.14, nothing is taken. */
void idle_init(void);

/*
 * Gives up the stock of classes from which threads other than `self` have not allocated for a purge
 * period, when such a period is over. Not within a visit.
 */
void idle_trim(const struct thread *self, uint64_t now_ns, uint64_t period_ns);

/*
 * Whatever can be had, now. False: a thread was at work just then, and may have more. Where many
 * threads want that at the same time it is done once for all that wait: not again where it has
 * begun anew since idle_trims() told `since`. The caller has given up its own stock by now.
 */
bool idle_trim_all(const struct thread *self, uint32_t since);
uint32_t idle_trims(void);

/* Waits for who is at the stock, then puts it in order. The record is open before and after. */
void idle_settle(struct thread *thread);

/* Record open. Whether its owner must not go on before it has called idle_settle. */
static inline bool idle_is_disturbed(const struct thread *thread)
{
	return __atomic_load_n(&thread->disturbed, __ATOMIC_ACQUIRE);
}

/* Opens the record for a visit of its owner's; tally_end closes it. */
static inline void idle_begin(struct thread *thread)
{
	tally_begin(&thread->record);
	if (unlikely(idle_is_disturbed(thread)))
		idle_settle(thread);
}

#endif
