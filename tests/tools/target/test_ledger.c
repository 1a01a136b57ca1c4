/* SPDX-License-Identifier: MIT */
/* The ledger: every thread is counted once, in whatever order walks and tallies come. */
#include "tests/harness.h"

#include <string.h>

#include "tools/target/ledger.h"

static struct ledger ledger, walk;
static struct hak_thread_event event;
static struct hak_process_event process;
static struct hak_process_record record;
static struct figures sum;

static void clear(void)
{
	ledger__clear(&ledger);
	ledger__clear(&walk);
	memset(&event, 0, sizeof(event));
	memset(&process, 0, sizeof(process));
	memset(&record, 0, sizeof(record));
}

static void tally(uint64_t tid, uint64_t start_ns, uint64_t seq, uint64_t time_ns, uint64_t mallocs)
{
	event.kind = HAK_TALLY_THREAD;
	event.slots_valid = 0;
	event.tally.tid = (hak_u32)tid;
	event.tally.time_ns = time_ns;
	event.tally.record.tid = tid;
	event.tally.record.start_ns = start_ns;
	event.tally.record.seq = seq;
	event.tally.record.classes[1].mallocs = mallocs;
	CHECK(ledger__on_thread(&ledger, &event) == 0);
}

static uint64_t mallocs(void)
{
	ledger__sum(&ledger, &sum);
	return sum.classes[1].mallocs;
}

/* A walk that finds one live thread, and `exited` mallocs of ended ones. */
static void walk_finds(uint64_t begin_ns, uint64_t tid, uint64_t count, uint64_t exited)
{
	struct ledger_thread *thread = ledger__add(&walk, tid, 1);

	REQUIRE(thread != NULL);
	thread->seq = 100;
	thread->figures->classes[1].mallocs = count;
	record.exited.classes[1].mallocs = exited;
	ledger__on_walk(&ledger, &walk, &record, begin_ns);
	CHECK(walk.count == 0);
}

TEST(ledger_newest_tally_of_a_thread_stands_for_all)
{
	clear();
	tally(7, 1, 2, 10, 5);
	tally(7, 1, 6, 30, 9);
	tally(7, 1, 4, 20, 7); /* out of order */
	CHECK(ledger.count == 1);
	CHECK(mallocs() == 9);
	clear();
}

TEST(ledger_a_tid_that_comes_again_is_another_thread)
{
	clear();
	tally(7, 1, 2, 10, 5);
	tally(7, 2, 2, 20, 3);
	CHECK(ledger.count == 2);
	CHECK(mallocs() == 8);
	clear();
}

TEST(ledger_walk_replaces_what_tallies_said)
{
	clear();
	tally(7, 1, 2, 10, 5);
	tally(8, 1, 2, 10, 50);
	walk_finds(100, 7, 6, 60); /* 8 has ended and is in the sum of ended threads */
	CHECK(ledger.count == 1);
	CHECK(mallocs() == 66);
	clear();
}

TEST(ledger_late_tally_of_an_ended_thread_is_not_counted_twice)
{
	clear();
	walk_finds(100, 7, 6, 60);
	tally(8, 1, 2, 90, 50); /* fired before the walk, taken in after it */
	CHECK(mallocs() == 66);
	tally(9, 1, 2, 110, 4); /* a new thread */
	CHECK(mallocs() == 70);
	clear();
}

TEST(ledger_tally_older_than_the_walk_does_not_undo_it)
{
	clear();
	walk_finds(100, 7, 6, 0);
	tally(7, 1, 100, 90, 5); /* same seq: the walk saw more of the slots */
	CHECK(mallocs() == 6);
	tally(7, 1, 102, 110, 8);
	CHECK(mallocs() == 8);
	clear();
}

TEST(ledger_tallies_alone_count_ended_threads_once)
{
	clear();
	tally(7, 1, 2, 10, 5);
	process.time_ns = 11;
	process.process.exited.classes[1].mallocs = 100;
	ledger__on_process(&ledger, &process);
	CHECK(mallocs() == 105);
	/* 7 ends; the process record now contains it, and so does its last tally. */
	tally(7, 1, 4, 20, 6);
	process.time_ns = 30;
	process.process.exited.classes[1].mallocs = 106;
	ledger__on_process(&ledger, &process);
	CHECK(mallocs() == 106);
	CHECK(ledger.process.exited.classes[1].mallocs == 106);
	ledger.threads[0].ended = true;
	tally(8, 1, 2, 40, 3);
	ledger__fold_ended(&ledger);
	CHECK(ledger.count == 1 && ledger.threads[0].tid == 8);
	CHECK(mallocs() == 109);
	clear();
}
