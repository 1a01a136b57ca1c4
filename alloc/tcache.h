/* SPDX-License-Identifier: MIT */
/*
 * Floor 8: thread caches. Per thread and class a loaded magazine, whose state is the hot slot in
 * TLS, and a previous one.
 *
 * The invariants that the hot path lives on:
 *   - slot.credit never exceeds the depth of the loaded magazine: it did not when it was granted,
 * only a malloc lowers the depth (and the credit with it), and a free raises it. So "credit left"
 *     says "not empty", and there is no second check.
 *   - a zero-filled slot (a thread that was never seen, class 0) has no credit and no room.
 *   - what must change the path of a malloc grants no credit; what must change the path of a free
 * makes top equal limit. There is nothing else to test.
 */
#ifndef HAK_TCACHE_H
#define HAK_TCACHE_H

#include "base.h"
#include "idle.h"
#include "probe.h"
#include "size_class.h"
#include "thread.h"

/* What the hot path checks: nothing, or (make SECURE=1) every block. */
#if HAK_SECURE
#include "checks_on.h"
#else
#include "checks_off.h"
#endif

enum { TCACHE_SLOTS = HAK_CLASS_COUNT + HAK_SECURE }; /* in the last one's credit: tcache_delay() */

extern __thread struct hak_slot tcache_slots[TCACHE_SLOTS]
        __attribute__((tls_model("initial-exec"), visibility("hidden")));

/*
 * The hot accessors. In assembler, because compilers do not use %fs with base and index for three
 * fields of one TLS element; written out, gcc and clang give the same instructions. `tls` is
 * tcache_tls(), `slot` a slot offset (class * sizeof(struct hak_slot)).
 */
hot_inline uintptr_t tcache_tls(void)
{
	uintptr_t offset;
	__asm__("movq tcache_slots@gottpoff(%%rip), %0" : "=r"(offset));
	return offset;
}

/* Uses one malloc of credit; false when there was none (credit is then negative: a cold visit
 * repairs it). */
hot_inline bool tcache_spend(uintptr_t tls, size_t slot)
{
	__asm__ goto("subq $1, %%fs:%c2(%0,%1)\n\t"
	             "js %l3"
	             :
	             : "r"(tls), "r"(slot), "i"(offsetof(struct hak_slot, credit))
	             : "cc", "memory"
	             : none);
	return true;
none:
	return false;
}

hot_inline void **tcache_top(uintptr_t tls, size_t slot)
{
	void **top;
	__asm__ volatile("movq %%fs:%c3(%1,%2), %0"
	                 : "=r"(top)
	                 : "r"(tls), "r"(slot), "i"(offsetof(struct hak_slot, top)));
	return top;
}

hot_inline bool tcache_has_room(uintptr_t tls, size_t slot, void **top)
{
	__asm__ goto("cmpq %%fs:%c3(%0,%1), %2\n\t"
	             "je %l4"
	             :
	             : "r"(tls), "r"(slot), "r"(top), "i"(offsetof(struct hak_slot, limit))
	             : "cc"
	             : full);
	return true;
full:
	return false;
}

hot_inline void tcache_move_top(uintptr_t tls, size_t slot, const long bytes)
{
	__asm__ volatile("addq %3, %%fs:%c2(%0,%1)"
	                 :
	                 : "r"(tls), "r"(slot), "i"(offsetof(struct hak_slot, top)), "i"(bytes)
	                 : "cc");
}

/*
 * Takes the block on top; the caller has spent the credit for it. The next one's line is fetched
 * now, while nobody waits for it: the program's first write to it would. Not when it is freed: a
 * thread that only frees would take the lines of blocks away from those who use them. (Below the
 * last block stands something that is no address; a prefetch of that does nothing.)
 */
hot_inline void *tcache_pop(uintptr_t tls, size_t slot)
{
	void **top = tcache_top(tls, slot);
	tcache_move_top(tls, slot, -(long)sizeof(void *));
	if (!CHECKS_RESERVE) /* there the block itself is looked at, and of the next one both ends
	                        would be */
		__builtin_prefetch(top[-2], 1);
	return top[-1];
}

/*
 * A block that is freed changes places with one of the CHECKS_RESERVE on top of the magazine, which
 * there are: there is no room otherwise. The random bits are drawn in cold visits and used up one
 * by one, cyclically.
 */
hot_inline void *tcache_delay(uintptr_t tls, void **top, void *p)
{
	intptr_t i;
	void *other;
	if (!CHECKS_RESERVE)
		return p;
	__asm__ volatile("rolq $5, %%fs:%c4(%2)\n\t"
	                 "movq %%fs:%c4(%2), %0\n\t"
	                 "orq %5, %0\n\t"
	                 "movq (%3,%0,8), %1\n\t"
	                 "movq %6, (%3,%0,8)"
	                 : "=&r"(i), "=&r"(other)
	                 : "r"(tls), "r"(top),
	                   "i"(HAK_CLASS_COUNT * sizeof(struct hak_slot) +
	                       offsetof(struct hak_slot, credit)),
	                   "i"(-CHECKS_RESERVE), "r"(p)
	                 : "cc", "memory");
	return other;
}

/* NULL: never seen, exited, or in a mode without thread caches. */
extern __thread struct thread *tcache_self
        __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Makes the calling thread's cache. NULL when there is no memory, or the thread has exited. */
struct thread *tcache_enter(void);

/*
 * The calling thread exits. Its cache waits for the next thread, with its stock; later operations
 * of this one go block by block.
 */
void tcache_leave(void);

/* The process is about to abort, and the thread may be in the middle of anything: what it has stays
 * where it is, out of reach, and later operations go block by block. */
void tcache_abandon(void);

enum { TCACHE_VISITS_MASK = 15 }; /* cold visits between looks at the clock */

/*
 * For checks, while no other thread runs. Whether a class of a thread, its slot among it, is in
 * order; whether a thread is that is in no visit; and the caches that wait for a thread, one by
 * one.
 */
bool tcache_class_is_valid(const struct thread *thread, unsigned class);
bool tcache_is_valid(const struct thread *thread);
void tcache_each_spare(void (*visit)(struct thread *thread, void *about), void *about);

/*
 * The common cold visit: credit is used up, but the magazine is well stocked and nobody watches.
 * Accounts what the hot path did (law 3), serves the malloc and grants credit anew. NULL when there
 * is more to do; nothing has been changed then.
 */
static inline void *tcache_regrant(struct thread *thread, unsigned class)
{
	struct hak_slot *slot = &tcache_slots[class];
	struct hak_thread_record *record = &thread->record;
	struct hak_class_record *counts = &record->classes[class];
	tally_begin(record);
	if (unlikely(idle_is_disturbed(thread))) {
		tally_end(record);
		return NULL;
	}
	void **top = (void **)slot->top;
	int64_t depth = top - (void **)slot->base;
	if (unlikely(depth <= (int64_t)thread->classes[class].ample || probing_visits() ||
	             (CHECKS_RESERVE && depth <= CHECKS_RESERVE) || /* a class never restocked */
	             thread->sampler.cutting || slot->credit >= 0 || top[-1] == top[-2] ||
	             (record->cold_visits & TCACHE_VISITS_MASK) == TCACHE_VISITS_MASK)) {
		tally_end(record);
		return NULL;
	}
	int64_t used = counts->granted;
	record->cold_visits++;
	counts->mallocs += (uint64_t)used + 1;
	counts->frees += (uint64_t)(depth - counts->mark + used);
	counts->cold_mallocs++;
	slot->top = (uintptr_t)(top - 1);
	counts->mark = depth - 1;
	slot->credit = counts->granted = depth - 1 - CHECKS_RESERVE;
	hak_assert(tcache_class_is_valid(thread, class));
	tally_end(record);
	return checks_issue(top[-1], class * SLOT_BYTES);
}

/* A malloc of `n` bytes, of class `class` ≥ 1, that found no
 * credit. NULL when there is no memory. */
void *tcache_malloc(struct thread *thread, size_t n, unsigned class);

/* A free of a block of class `class` ≥ 1 that found no room. */
void tcache_free(struct thread *thread, void *p, unsigned class);

/*
 * Brackets a cold visit: begin counts it and follows the sampling semaphore; end hands out the
 * tally, gives up stock of classes that the thread has not used for a while and purges, each when
 * it is time. Between them the record may be changed.
 */
void tcache_visit_begin(struct thread *thread);
void tcache_visit_end(struct thread *thread);

/* Gives the calling thread's stock back to the spans, and that of caches that wait for a thread.
 * `thread` may be NULL: it has no cache. */
void tcache_flush_own(struct thread *thread);

/* The same, and what can be had of the others' (malloc_trim). */
void tcache_flush_all(struct thread *thread);

/* Blocks that the calling thread has in its loaded magazines. */
size_t tcache_depth(void);

void tcache_lock(void); /* for fork */
void tcache_unlock(void);

/* In a forked child: forgets the caches of threads that do
 * not live on, where there were `others`. */
void tcache_fork_child(bool others);

#endif
