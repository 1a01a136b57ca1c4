/* SPDX-License-Identifier: MIT */
/* Threads that end in ways that nobody tells the allocator of. */
#include "alloc/alloc.h"
#include "alloc/decay.h"
#include "alloc/idle.h"
#include "alloc/life.h"
#include "alloc/os.h"
#include "alloc/size_class.h"
#include "alloc/span.h"
#include "alloc/tally.h"
#include "tests/alloc/support.h"
#include "tests/harness.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* LOST_SIZE: of blocks that cannot be had back. */
enum { SIZE = 1152, LOST_SIZE = 1408, BLOCKS = 300, STACK = 256 * 1024 };
static size_t size = SIZE;

/* What a thread leaves behind that others must find out about. */
static struct thread *left;
static uint32_t left_tid;

static void use_stock(void)
{
	void *blocks[BLOCKS];
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = alloc_malloc(size);
	for (int i = 0; i < BLOCKS; i++)
		alloc_free(blocks[i]);
	left = tcache_self;
	__atomic_store_n(&left_tid, os_tid(), __ATOMIC_RELEASE);
}

/* Past all destructors, and past what the C library does for a thread that ends. */
static void *use_and_vanish(void *unused)
{
	use_stock();
	syscall(SYS_exit, 0);
	return unused;
}

static void await_end(void)
{
	uint32_t tid;
	while (!(tid = __atomic_load_n(&left_tid, __ATOMIC_ACQUIRE)) || !os_thread_is_gone(tid))
		sched_yield();
}

static void vanish_detached(void)
{
	pthread_t thread;
	left_tid = 0;
	REQUIRE(!pthread_create(&thread, NULL, use_and_vanish, NULL));
	pthread_detach(thread);
	await_end();
}

static void sum_of(unsigned class, uint64_t *mallocs, uint64_t *frees)
{
	struct tally_sum sum;
	tally_sum(&sum);
	*mallocs = sum.mallocs[class];
	*frees = sum.frees[class];
}

/* As malloc_trim(). */
static void trim(void)
{
	tcache_flush_all(tcache_self);
	decay_now();
	for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++)
		span_trim(class);
}

static void begin(size_t wanted)
{
	support_init();
	size = wanted;
	alloc_free(alloc_malloc(1));
	trim();
}

/* Its stock is had back to the last block, its counts are exact, and it does not count as alive. */
TEST(thread_that_vanished_is_noticed)
{
	if (SUPPORT_TSAN)
		SKIP("ThreadSanitizer cannot follow a thread that ends so");
	begin(SIZE);
	unsigned class = size_class_of(SIZE);
	uint64_t live = tally_process.threads_live, exited = tally_process.threads_exited;
	uint64_t m0, f0, m1, f1;
	sum_of(class, &m0, &f0);
	vanish_detached();
	CHECK(life_state(&left->life) == LIFE_ENDED);
	CHECK(tally_process.threads_live == live + 1);
	idle_trim_all(tcache_self, idle_trims()); /* looks away */
	trim();
	CHECK(tally_process.threads_live == live && tally_process.threads_exited == exited + 1);
	CHECK(life_state(&left->life) ==
	      LIFE_UNKNOWN); /* nor does who takes its record count as dead */
	sum_of(class, &m1, &f1);
	CHECK(m1 - m0 == BLOCKS && f1 - f0 == BLOCKS);
	CHECK(tally_process.memory.span_free[class] == 0);
}

/* The next purge period's house-keeping does it, too. */
TEST(thread_that_vanished_is_noticed_in_time)
{
	if (SUPPORT_TSAN)
		SKIP("ThreadSanitizer cannot follow a thread that ends so");
	begin(SIZE);
	uint64_t live = tally_process.threads_live;
	vanish_detached();
	support_clock_step(decay_period_ns());
	for (int i = 0; i <= 2 * TCACHE_VISITS_MASK; i++) /* cold visits */
		alloc_free(alloc_malloc(MEDIUM_MAX + 1));
	support_clock_step(0);
	CHECK(tally_process.threads_live == live);
}

/* Where its slots were is nothing any more. What they said is lost, and nothing else. */
TEST(thread_that_vanished_with_its_stack)
{
	if (SUPPORT_TSAN)
		SKIP("ThreadSanitizer cannot follow a thread that ends so");
	begin(LOST_SIZE);
	uint64_t live = tally_process.threads_live;
	struct tally_sum sum;
	pthread_attr_t attributes;
	pthread_t thread;
	void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	left_tid = 0;
	pthread_attr_init(&attributes);
	REQUIRE(!pthread_attr_setstack(&attributes, stack, STACK));
	REQUIRE(!pthread_create(&thread, &attributes, use_and_vanish, NULL));
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
	munmap(stack, STACK);
	tally_sum(&sum);
	idle_trim_all(tcache_self, idle_trims());
	trim();
	CHECK(tally_process.threads_live == live);
}

/* The kernel copies nothing for us: slots of threads that live are read all the same. */
TEST(slots_without_the_kernels_help)
{
	if (SUPPORT_TSAN)
		SKIP("ThreadSanitizer cannot follow a thread that ends so");
	begin(LOST_SIZE);
	uint64_t live = tally_process.threads_live, m0, f0, m1, f1;
	unsigned class = size_class_of(LOST_SIZE);
	support_fail_copies(0);
	sum_of(class, &m0, &f0);
	use_stock();
	sum_of(class, &m1, &f1);
	CHECK(m1 - m0 == BLOCKS && f1 - f0 == BLOCKS);
	vanish_detached();
	trim();
	support_fail_copies(-1);
	CHECK(tally_process.threads_live == live);
}

static pthread_key_t late_key;

/* The first operation is in the last round of destructors: none of ours comes after it. */
static void come_late(void *round)
{
	if ((uintptr_t)round < PTHREAD_DESTRUCTOR_ITERATIONS)
		pthread_setspecific(late_key, (void *)((uintptr_t)round + 1));
	else
		use_stock();
}

static void *arm(void *unused)
{
	pthread_setspecific(late_key, (void *)1);
	return unused;
}

TEST(thread_that_begins_in_its_last_round)
{
	if (SUPPORT_TSAN)
		SKIP("ThreadSanitizer cannot follow a thread that ends so");
	begin(LOST_SIZE);
	uint64_t live = tally_process.threads_live;
	pthread_t thread;
	REQUIRE(!pthread_key_create(&late_key, come_late));
	left_tid = 0;
	REQUIRE(!pthread_create(&thread, NULL, arm, NULL));
	pthread_join(thread, NULL);
	CHECK(left_tid != 0);
	trim();
	CHECK(tally_process.threads_live == live);
	pthread_key_delete(late_key);
}

enum { MANY = 200 };

static void *use_one(void *unused)
{
	alloc_free(alloc_malloc(size));
	__atomic_store_n(&left_tid, os_tid(), __ATOMIC_RELEASE);
	syscall(SYS_exit, 0);
	return unused;
}

/* Threads that come find out about those that have gone. */
TEST(many_threads_that_vanished)
{
	if (SUPPORT_TSAN)
		SKIP("ThreadSanitizer cannot follow a thread that ends so");
	begin(LOST_SIZE);
	uint64_t live = tally_process.threads_live, metadata = 0;
	for (int i = 0; i < MANY; i++) {
		pthread_t thread;
		REQUIRE(!pthread_create(&thread, NULL, use_one, NULL));
		pthread_join(thread, NULL);
		if (i == MANY / 2)
			metadata = tally_process.memory.metadata_bytes;
	}
	CHECK(tally_process.threads_live < live + MANY / 2);
	CHECK(tally_process.memory.metadata_bytes == metadata);
	trim();
	CHECK(tally_process.threads_live == live);
}

enum { COMING = 6 };
static pthread_barrier_t leaving[COMING];

static void *use_until(void *until)
{
	use_stock();
	pthread_barrier_wait(until);
	pthread_barrier_wait(until);
	return NULL;
}

/* Records are found, whatever the order in which others leave. */
TEST(threads_leave_in_any_order)
{
	static const unsigned order[COMING] = {0, 5, 2, 3, 1, 4};
	begin(SIZE);
	uint64_t live = tally_process.threads_live;
	pthread_t threads[COMING];
	for (int i = 0; i < COMING; i++) {
		pthread_barrier_init(&leaving[i], NULL, 2);
		REQUIRE(!pthread_create(&threads[i], NULL, use_until, &leaving[i]));
		pthread_barrier_wait(&leaving[i]);
	}
	for (int i = 0; i < COMING; i++) {
		CHECK(tally_is_valid() &&
		      tally_process.threads_live == live + COMING - (uint64_t)i);
		pthread_barrier_wait(&leaving[order[i]]);
		pthread_join(threads[order[i]], NULL);
	}
	CHECK(tally_is_valid() && tally_process.threads_live == live);
}

static pthread_barrier_t barrier;

static void *use_and_wait(void *unused)
{
	use_stock();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return unused;
}

/* Of threads that did not come along into a child it gets the stock back. */
static void look_in_child(void *argument)
{
	unsigned class = size_class_of(SIZE);
	(void)argument;
	if (tally_process.threads_live != 1)
		abort();
	trim();
	if (tally_process.memory.span_free[class])
		abort();
}

TEST(stock_of_threads_that_a_child_lacks)
{
	begin(SIZE);
	char text[200];
	pthread_t thread;
	pthread_barrier_init(&barrier, NULL, 2);
	left_tid = 0;
	REQUIRE(!pthread_create(&thread, NULL, use_and_wait, NULL));
	pthread_barrier_wait(&barrier);
	CHECK(support_in_child(look_in_child, NULL, text, sizeof(text)) == 0);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&barrier);
}
