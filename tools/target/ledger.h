/* SPDX-License-Identifier: MIT */
/*
 * The ledger: what is known of every thread, from two sources that need not be both at hand. A walk
 * (tools/target/records.h) reads the process record and all live threads at one instant; tallies
 * come from single threads in between, and are all there is when the process's memory may not be
 * read, and after it has ended. Records are cumulative, so the newest of a thread stands for all
 * older ones.
 */
#ifndef HAK_LEDGER_H
#define HAK_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

#include "bpf/tally.h"
#include "tools/target/figures.h"

struct ledger_thread {
	uint64_t tid; /* with start_ns it names the thread: tids come again */
	uint64_t start_ns;
	uint64_t seq;
	uint32_t task;         /* its tid as we see it, from a tally */
	bool ended;            /* set by the caller for ledger__fold_ended() */
	uint64_t sample_bytes; /* mean sampling distance now; 0 not sampling */
	struct figures *figures;
};

struct ledger {
	bool has_process;
	struct hak_process_record process; /* the newest known; its `exited` is in `exited` below */
	struct figures exited;             /* threads that have ended and are in no other place */
	struct ledger_thread *threads;
	size_t count;
	size_t room;
	size_t most;        /* threads that tallies may add to; 0 any number */
	uint64_t walked_ns; /* CLOCK_MONOTONIC at the start of the last walk; 0 there was none */
};

/* Frees what the ledger holds. */
void ledger__clear(struct ledger *ledger);

/* The entry of a thread, or NULL. */
struct ledger_thread *ledger__find(const struct ledger *ledger, uint64_t tid, uint64_t start_ns);

/* Adds an empty entry for a thread; NULL when out of memory. */
struct ledger_thread *ledger__add(struct ledger *ledger, uint64_t tid, uint64_t start_ns);

/* A tally came in. 0 or -ENOMEM. */
int ledger__on_thread(struct ledger *ledger, const struct hak_thread_event *event);
void ledger__on_process(struct ledger *ledger, const struct hak_process_event *event);

/*
 * A walk that began at `begin_ns` found exactly these live threads (taken over from `walk`, which
 * is left empty) and this process record.
 */
void ledger__on_walk(struct ledger *ledger, struct ledger *walk,
                     const struct hak_process_record *process, uint64_t begin_ns);

/* Moves the threads marked `ended` into the sum of ended ones; without walks only. */
void ledger__fold_ended(struct ledger *ledger);

/* All threads, running and ended. */
void ledger__sum(const struct ledger *ledger, struct figures *sum);

#endif
