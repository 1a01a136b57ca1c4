/* SPDX-License-Identifier: MIT */
/* The reader of records, on records that this process keeps itself. */
#include "tests/harness.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/target/records.h"

static struct hak_process_record process;
static struct hak_thread_record first, second;
static struct hak_slot slots[HAK_CLASS_COUNT];
static struct ledger ledger;
static struct figures sum;

static void set_up(void)
{
	memset(&process, 0, sizeof(process));
	memset(&first, 0, sizeof(first));
	memset(&second, 0, sizeof(second));
	memset(slots, 0, sizeof(slots));
	process.magic = HAK_RECORD_MAGIC;
	process.version = HAK_RECORD_VERSION;
	process.class_count = HAK_CLASS_COUNT;
	process.route_count = HAK_ROUTE_COUNT;
	process.class_record_bytes = sizeof(struct hak_class_record);
	process.thread_record_bytes = sizeof(struct hak_thread_record);
	process.threads = (uintptr_t)&first;
	first.tid = 1;
	first.next = (uintptr_t)&second;
	second.tid = 2;
	first.slots = (uintptr_t)slots;
	first.classes[4].mallocs = 10;
	first.classes[4].granted = 5;
	slots[4].credit = 2;
	second.classes[4].mallocs = 100;
	process.exited.classes[4].mallocs = 1000;
	ledger__clear(&ledger);
}

static int read_own(void)
{
	return records__read(&ledger, getpid(), (uintptr_t)&process);
}

TEST(records_walk_sums_live_and_ended_threads)
{
	set_up();
	REQUIRE(read_own() == 0);
	CHECK(ledger.count == 2);
	ledger__sum(&ledger, &sum);
	CHECK(sum.classes[4].mallocs == 1000 + 100 + 10 + 3);
	ledger__clear(&ledger);
}

TEST(records_unknown_layout_is_told_apart)
{
	set_up();
	process.version = 99;
	CHECK(read_own() == -EPROTO);
	set_up();
	process.thread_record_bytes--;
	CHECK(read_own() == -EPROTO);
	set_up();
	process.magic = 0;
	CHECK(read_own() == -EPROTO);
}

TEST(records_unreadable_memory_leaves_the_ledger_alone)
{
	set_up();
	REQUIRE(read_own() == 0);
	second.next = 16; /* nothing is mapped there */
	CHECK(read_own() == -EFAULT);
	CHECK(ledger.count == 2);
	CHECK(records__read(&ledger, getpid(), 16) == -EFAULT);
	ledger__clear(&ledger);
}

TEST(records_list_that_never_settles_is_reported)
{
	set_up();
	process.seq = 1;
	CHECK(read_own() == -EAGAIN);
}

TEST(records_unsettled_class_keeps_its_last_figures)
{
	set_up();
	REQUIRE(read_own() == 0);
	first.seq = 1; /* stopped half-way through a change */
	first.classes[4].mallocs = 77777;
	REQUIRE(read_own() == 0);
	ledger__sum(&ledger, &sum);
	CHECK(sum.classes[4].mallocs == 1000 + 100 + 10 + 3);
	ledger__clear(&ledger);
}

static uint64_t seconds_of_read_own(int expected)
{
	struct timespec begin, end;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	CHECK(read_own() == expected);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (uint64_t)(end.tv_sec - begin.tv_sec);
}

/* As a process may make it up: it costs neither memory nor time. */
TEST(records_list_that_is_a_ring_is_refused)
{
	set_up();
	second.next = (uintptr_t)&first;
	CHECK(seconds_of_read_own(-ELOOP) < 3);
	CHECK(ledger.count == 0);
	first.seq = second.seq = 1; /* and never settled */
	CHECK(seconds_of_read_own(-ELOOP) < 3);
}

TEST(records_list_of_more_threads_than_there_are_is_refused)
{
	static struct hak_thread_record many[2000];

	set_up();
	for (size_t i = 0; i + 1 < sizeof(many) / sizeof(*many); i++)
		many[i].next = (uintptr_t)&many[i + 1];
	process.threads = (uintptr_t)many;
	CHECK(seconds_of_read_own(-ELOOP) < 3);
}

static atomic_bool stop;

static void dawdle(int turns)
{
	for (volatile int i = 0; i < turns; i++)
		;
}

/*
 * Like a busy owner: two counts that only agree outside a change. Between two changes there is time
 * for one reading, which takes a microsecond or two here: of an owner that never leaves it, a
 * thread not known before is entered as it was last seen.
 */
static void *change(void *unused)
{
	volatile struct hak_thread_record *record = &first;

	while (!atomic_load(&stop)) {
		record->seq++;
		atomic_signal_fence(memory_order_seq_cst);
		for (int i = 1; i < 8; i++)
			record->classes[i].mallocs++;
		dawdle(100);
		for (int i = 1; i < 8; i++)
			record->classes[i].cold_mallocs++;
		atomic_signal_fence(memory_order_seq_cst);
		record->seq++;
		dawdle(9000);
	}
	return unused;
}

TEST(records_are_consistent_while_their_owner_changes_them)
{
	uint64_t last = 0, advanced = 0;
	pthread_t owner;

	set_up();
	first.slots = 0;
	process.exited.classes[4].mallocs = 0;
	second.classes[4].mallocs = 0;
	first.classes[4].mallocs = 0;
	atomic_store(&stop, false);
	REQUIRE(pthread_create(&owner, NULL, change, NULL) == 0);
	for (int i = 0; i < 300; i++) {
		CHECK(read_own() == 0);
		ledger__sum(&ledger, &sum);
		for (int j = 1; j < 8; j++)
			CHECK(sum.classes[j].mallocs == sum.classes[j].cold_mallocs);
		CHECK(sum.classes[4].mallocs >= last);
		advanced += sum.classes[4].mallocs > last;
		last = sum.classes[4].mallocs;
	}
	atomic_store(&stop, true);
	pthread_join(owner, NULL);
	CHECK(advanced > 0);
	ledger__clear(&ledger);
}
