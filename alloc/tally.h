/* SPDX-License-Identifier: MIT */
/*
 * Floor 3: the records that observers read (../bpf/record.h): the process record with its list of
 * live threads. Written on the cold path only.
 */
#ifndef HAK_TALLY_H
#define HAK_TALLY_H

#include "base.h"
#include "life.h"

/* What the registry knows of a thread; what else it has lies behind (thread.h). */
struct tally_thread {
	struct hak_thread_record record;
	struct life life;
	uint64_t
	        *link; /* what leads to it in the list: threads may be many, and end in any order */
};

extern struct hak_process_record tally_process __attribute__((visibility("hidden")));

/* Fills in the process record's constants. Called once, before the first thread enters. */
void tally_init(enum hak_mode mode, uint64_t sample_bytes);

/* Links a record, zero but for what follows, into the list; sets tid, slots and start time. Takes
 * the registry lock. */
void tally_enter(struct hak_thread_record *record, struct hak_slot *slots);

/*
 * The slots of a thread of which this process has a record, as they are now. False when the thread
 * is not known to live, and was not until after they were read. Registry locked.
 */
bool tally_read_slots(const struct hak_thread_record *record, struct hak_slot *slots);

/* Adds the record to the sums of exited threads and unlinks it; its classes are zero then. Takes
 * the registry lock. */
void tally_leave(struct hak_thread_record *record);

/* The same for the record of another thread, which has ended. Registry locked. */
void tally_bury(struct hak_thread_record *record);

/* Counts one block-by-block operation of a thread that has no record (any more). Takes the lock. */
void tally_orphan(unsigned class, enum hak_route route, uint64_t mallocs, uint64_t frees,
                  uint64_t large_bytes, uint64_t large_freed);

/* In a forked child: only `self` (or nobody) lives on; the others' counts are kept as exited. */
void tally_fork_child(struct hak_thread_record *self);

/*
 * Law 3, for another than the owner: adds to the counts of a class what the hot path has done since
 * they were written, by the formula of record.h; `slot` is the class' as it is now.
 */
static inline void tally_catch_up(struct hak_class_record *class, const struct hak_slot *slot)
{
	int64_t credit = slot->credit > 0 ? slot->credit : 0;
	int64_t depth = (int64_t)(slot->top - slot->base) / (int64_t)sizeof(void *);
	int64_t used = class->granted - credit;
	class->mallocs += (uint64_t)used;
	class->frees += (uint64_t)(depth - class->mark + used);
	class->granted = credit;
	class->mark = depth;
}

/* The sums of all threads, running ones brought up to date from their slots as observers do. */
struct tally_sum {
	uint64_t mallocs[HAK_CLASS_COUNT];
	uint64_t frees[HAK_CLASS_COUNT];
	uint64_t large_bytes, large_freed;
	uint64_t threads; /* that are known to live */
};
void tally_sum(struct tally_sum *sum);

/*
 * A number that is another one when a block was handed out or freed since, or a thread came or
 * ended. Without `hits` it takes no system calls, and may be the same where there were hits alone.
 */
uint64_t tally_changes(bool hits);

/*
 * One instruction, which a compiler makes neither of a relaxed atomic store nor of a release. x86
 * keeps stores in order; the compiler must too.
 */
static inline void tally_advance(struct hak_thread_record *record)
{
#ifdef __SANITIZE_THREAD__
	__atomic_store_n(&record->seq, record->seq + 1, __ATOMIC_RELEASE);
#else
	__asm__ volatile("addq $1, %0" : "+m"(record->seq) : : "cc", "memory");
#endif
}

/* The owner of a record brackets its changes with these; observers see an odd seq in between. */
static inline void tally_begin(struct hak_thread_record *record)
{
	tally_advance(record);
}

static inline void tally_end(struct hak_thread_record *record)
{
	tally_advance(record);
}

/* For threads that are not the owner. */
static inline uint64_t tally_seq(const struct hak_thread_record *record)
{
	return __atomic_load_n(&record->seq, __ATOMIC_ACQUIRE);
}

/* The registry lock. With it held: the list of live threads' records, and the bracket around a
 * change of a record that is not its owner's. */
void tally_lock(void);
void tally_unlock(void);
struct hak_thread_record *tally_first(void);
struct hak_thread_record *tally_next(const struct hak_thread_record *record);
void tally_change_begin(void);
void tally_change_end(void);

/* For checks, while no other thread runs: whether the list of records is in order. */
bool tally_is_valid(void);

#endif
