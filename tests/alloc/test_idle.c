/* SPDX-License-Identifier: MIT */
/* The stock of threads that wait is taken by others, and of threads that work it is not. */
#include "alloc/alloc.h"
#include "alloc/decay.h"
#include "alloc/idle.h"
#include "alloc/tally.h"
#include "tests/alloc/support.h"
#include "tests/harness.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { BLOCKS = 600, SIZE = 432, OTHER_SIZE = 448 };

/* A thread that does what it is told to, and waits. */
struct owner {
	pthread_t thread;
	pthread_barrier_t barrier;
	void *(*task)(struct owner *owner);
	struct thread *cache;
	void *blocks[BLOCKS];
	size_t bad;
};

static void *obey(void *argument)
{
	struct owner *owner = argument;
	for (;;) {
		pthread_barrier_wait(&owner->barrier);
		if (!owner->task)
			return NULL;
		owner->task(owner);
		pthread_barrier_wait(&owner->barrier);
	}
}

static void begin(struct owner *owner, void *(*task)(struct owner *))
{
	owner->task = task;
	pthread_barrier_wait(&owner->barrier);
}

static void tell(struct owner *owner, void *(*task)(struct owner *))
{
	begin(owner, task);
	pthread_barrier_wait(&owner->barrier);
}

static struct owner *hire(void)
{
	static struct owner owner;
	memset(&owner, 0, sizeof(owner));
	pthread_barrier_init(&owner.barrier, NULL, 2);
	if (pthread_create(&owner.thread, NULL, obey, &owner))
		abort();
	return &owner;
}

static void dismiss(struct owner *owner)
{
	begin(owner, NULL);
	pthread_join(owner->thread, NULL);
	pthread_barrier_destroy(&owner->barrier);
}

static void *fill_stock(struct owner *owner)
{
	for (int i = 0; i < BLOCKS; i++)
		owner->blocks[i] = alloc_malloc(SIZE);
	for (int i = 0; i < BLOCKS; i++)
		alloc_free(owner->blocks[i]);
	for (int i = 0; i < 20; i++)
		alloc_free(alloc_malloc(OTHER_SIZE));
	owner->cache = tcache_self;
	return NULL;
}

/* Hits only: no cold visit sees them. */
static void *use_other_class(struct owner *owner)
{
	alloc_free(alloc_malloc(OTHER_SIZE));
	return owner;
}

static void *use_and_check(struct owner *owner)
{
	for (int i = 0; i < BLOCKS; i++) {
		owner->blocks[i] = alloc_malloc(SIZE);
		memset(owner->blocks[i], i & 0xff, SIZE);
	}
	for (int i = 0; i < BLOCKS; i++) {
		const unsigned char *bytes = owner->blocks[i];
		owner->bad += bytes[0] != (i & 0xff) || bytes[SIZE - 1] != (i & 0xff);
		alloc_free(owner->blocks[i]);
	}
	return NULL;
}

static size_t in_stock(const struct thread *thread, size_t size)
{
	unsigned class = size_class_of(size);
	const struct hak_slot *slot = (const struct hak_slot *)thread->record.slots + class;
	const struct magazine *previous = thread->classes[class].previous;
	return (slot->top - slot->base) / sizeof(void *) + (previous ? previous->count : 0);
}

static void sum_of(unsigned class, uint64_t *mallocs, uint64_t *frees)
{
	struct tally_sum sum;
	tally_sum(&sum);
	*mallocs = sum.mallocs[class];
	*frees = sum.frees[class];
}

static uint64_t now_ns;

/* A purge period is over. */
static void look(void)
{
	alloc_free(alloc_malloc(1));
	now_ns = max_size(now_ns, os_clock_coarse_ns()) + 2 * decay_period_ns();
	idle_trim(tcache_self, now_ns, decay_period_ns());
}

/* What a waiting thread has goes back to the spans but for one block, and counts stay exact. */
TEST(stock_of_a_waiting_thread)
{
	support_init();
	unsigned class = size_class_of(SIZE);
	struct owner *owner = hire();
	uint64_t m0, f0, m1, f1;
	sum_of(class, &m0, &f0);
	tell(owner, fill_stock);
	size_t stock = in_stock(owner->cache, SIZE);
	uint64_t flushed = owner->cache->record.classes[class].flush_blocks;
	CHECK(stock > 100);
	look();
	CHECK(in_stock(owner->cache, SIZE) == stock); /* it may have been at work until now */
	look();
	look();
	CHECK(in_stock(owner->cache, SIZE) == 1);
	CHECK(in_stock(owner->cache, OTHER_SIZE) == 1);
	CHECK(owner->cache->record.classes[class].flush_blocks - flushed == stock - 1);
	sum_of(class, &m1, &f1);
	CHECK(m1 - m0 == BLOCKS && f1 - f0 == BLOCKS);
	tell(owner, use_and_check);
	CHECK(owner->bad == 0);
	sum_of(class, &m1, &f1);
	CHECK(m1 - m0 == 2 * BLOCKS && f1 - f0 == 2 * BLOCKS);
	dismiss(owner);
	sum_of(class, &m1, &f1);
	CHECK(m1 - m0 == 2 * BLOCKS && f1 - f0 == 2 * BLOCKS);
}

/* A class that is used, if by hits alone, keeps its stock, and the others lose theirs. */
TEST(class_in_use_keeps_its_stock)
{
	support_init();
	struct owner *owner = hire();
	tell(owner, fill_stock);
	for (int i = 0; i < 4; i++) {
		look();
		tell(owner, use_other_class);
	}
	CHECK(in_stock(owner->cache, SIZE) == 1);
	CHECK(in_stock(owner->cache, OTHER_SIZE) > 1);
	for (int i = 0; i < 3; i++)
		look();
	CHECK(in_stock(owner->cache, OTHER_SIZE) == 1);
	dismiss(owner);
}

static bool stop;

static void *use_until_told(struct owner *owner)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		use_and_check(owner);
	return NULL;
}

/* Read as an observer in another process does, while the owner may be writing it. */
static __attribute__((no_sanitize("thread"))) uint64_t flushed_blocks(const struct owner *owner)
{
	const volatile uint64_t *count =
	        &owner->cache->record.classes[size_class_of(SIZE)].flush_blocks;
	return *count;
}

/* Credit is taken from a thread at any point of its mallocs and frees. */
TEST(stock_of_a_running_thread)
{
	support_init();
	enum { TRIMS = 3000, TRIMS_MOST = 3000000 };
	unsigned class = size_class_of(SIZE);
	struct owner *owner = hire();
	uint64_t m0, f0, m1, f1;
	tell(owner, fill_stock);
	uint64_t flushed = flushed_blocks(owner);
	sum_of(class, &m0, &f0);
	stop = false;
	begin(owner, use_until_told);
	for (int i = 0; i < TRIMS || (flushed_blocks(owner) - flushed <= BLOCKS && i < TRIMS_MOST);
	     i++) {
		idle_trim_all(tcache_self, idle_trims());
		if (i % 16 == 0)
			sched_yield();
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_barrier_wait(&owner->barrier);
	CHECK(owner->bad == 0);
	CHECK(flushed_blocks(owner) - flushed > BLOCKS);
	sum_of(class, &m1, &f1);
	CHECK((m1 - m0) % BLOCKS == 0 && m1 - m0 == f1 - f0);
	dismiss(owner);
	sum_of(class, &m1, &f1);
	CHECK((m1 - m0) % BLOCKS == 0 && m1 - m0 == f1 - f0);
}

/* The kernel refuses barriers from the second one on: what cannot be had stays, all counts hold. */
TEST(barriers_that_are_refused)
{
	support_init();
	unsigned class = size_class_of(SIZE);
	struct owner *owner = hire();
	uint64_t m0, f0, m1, f1;
	sum_of(class, &m0, &f0);
	tell(owner, fill_stock);
	for (long after = 0; after < 5; after++) {
		support_fail_barriers(after);
		idle_trim_all(tcache_self, idle_trims());
		support_fail_barriers(-1);
		sum_of(class, &m1, &f1);
		CHECK(m1 - m0 == (uint64_t)(after + 1) * BLOCKS && m1 - m0 == f1 - f0);
		if (after == 2) /* once more before the owner has seen it */
			idle_trim_all(tcache_self, idle_trims());
		tell(owner, use_and_check);
		CHECK(owner->bad == 0);
	}
	sum_of(class, &m1, &f1);
	CHECK(m1 - m0 == 6 * BLOCKS && f1 - f0 == 6 * BLOCKS);
	dismiss(owner);
	sum_of(class, &m1, &f1);
	CHECK(m1 - m0 == 6 * BLOCKS && f1 - f0 == 6 * BLOCKS);
}

/* A child that was forked from a thread whose stock has been taken works on. */
static void use_in_child(void *argument)
{
	struct owner *owner = argument;
	use_and_check(owner);
	if (owner->bad)
		abort();
}

static void *fork_here(struct owner *owner)
{
	char text[200];
	owner->bad += support_in_child(use_in_child, owner, text, sizeof(text)) != 0;
	use_and_check(owner);
	return NULL;
}

TEST(fork_of_a_trimmed_thread)
{
	support_init();
	struct owner *owner = hire();
	tell(owner, fill_stock);
	for (int i = 0; i < 3; i++)
		look();
	CHECK(in_stock(owner->cache, SIZE) == 1);
	tell(owner, fork_here);
	CHECK(owner->bad == 0);
	dismiss(owner);
}
