/* SPDX-License-Identifier: MIT */
/* Floor 6: what a thread has besides its slots. tcache.c is
 * its owner's side, idle.c the others'. */
#ifndef HAK_THREAD_H
#define HAK_THREAD_H

#include "base.h"
#include "life.h"
#include "lock.h"
#include "magazine.h"
#include "probe.h"
#include "sample.h"
#include "tally.h"

struct thread {
	struct hak_thread_record record;
	struct life life;
	uint64_t *link; /* tally.c's */
	struct tcache_class {
		struct magazine *loaded, *previous;
		uint32_t goal;           /* blocks wanted in stock; grows with use */
		uint32_t ample;          /* above this depth only new credit is needed */
		uint64_t seen_mallocs;   /* at the last trim */
		uint64_t room_mallocs;   /* when the magazine was full the last time */
		uint64_t died;           /* blocks that were freed with no malloc between */
		uint64_t afresh_mallocs; /* at the last fresh start */
		int64_t revoked;         /* credit that others took away, not knowing for sure */
	} classes[HAK_CLASS_COUNT];
	struct sampler sampler;
	uint64_t trimmed_ns; /* when the last trim was, or the thread began */
	uint32_t growths;    /* of the heap, at the last trim */
	uint32_t disturbed;  /* another thread is or was at the stock: idle.h */
	struct lock claim;   /* held by that thread */
	bool stocked;
	bool idle_done;    /* nothing was left to take at idle_seq */
	uint64_t idle_seq; /* the record's seq when others looked last */
	uint64_t bare_seq; /* and when they had taken all that can be; odd: there may be more */
	uint64_t left_ns;  /* when its owner exited and left it here with what it had in stock */
	struct thread *next_free;
};

static_assert(offsetof(struct thread, record) == offsetof(struct tally_thread, record) &&
                      offsetof(struct thread, life) == offsetof(struct tally_thread, life) &&
                      offsetof(struct thread, link) == offsetof(struct tally_thread, link),
              "a record leads to its thread");
static_assert(sizeof(struct thread) <= 32 * 1024, "metadata blocks are powers of two");

static inline void thread_count_flush(struct thread *thread, unsigned class, size_t blocks)
{
	struct hak_class_record *record = &thread->record.classes[class];
	record->flushes++;
	record->flush_blocks += blocks;
	probe_hakmem_flush(class, blocks);
}

#endif
