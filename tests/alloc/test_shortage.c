/* SPDX-License-Identifier: MIT */
/*
 * The kernel maps nothing more. All that is kept is handed out before a block comes from elsewhere
 * (glibc's allocator, which has memory here), whoever has it and however soon it was asked for.
 */
#include "alloc/alloc.h"
#include "alloc/arena.h"
#include "alloc/guard.h"
#include "alloc/size_class.h"
#include "tests/alloc/support.h"
#include "tests/harness.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

enum { SIZE = 4000, BIG = 20000, OTHERS = 200, MOST = 20000, FAILURES = 5 };

#define MUST(x) ((x) ? (void)0 : abort())

static void *blocks[MOST];
static size_t count;

static bool is_ours(const void *p)
{
	return arena_owns(p) || guard_owns(p);
}

/* Until there is none of ours, and the allocator knows that: what is not is not kept. */
static void take_all(size_t size)
{
	for (int failed = 0; failed < FAILURES && count < MOST;) {
		void *p = alloc_malloc(size);
		if (is_ours(p)) {
			blocks[count++] = p;
		} else {
			alloc_free(p);
			failed++;
		}
	}
}

static void give_all(void)
{
	while (count)
		alloc_free(blocks[--count]);
}

/* Two threads take turns, soon: neither sleeps. */
static uint32_t turn;
static void *others[OTHERS];

static void wait_for(uint32_t n)
{
	while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != n)
		sched_yield();
}

static void pass_on(uint32_t n)
{
	__atomic_store_n(&turn, n, __ATOMIC_RELEASE);
}

/*
 * Takes some, then frees two of them in each of its turns: hits, which nobody sees. It stays until
 * it has been asked the last time: what a thread gives back as it ends is nobody's meanwhile.
 */
static void *take_and_free(void *unused)
{
	for (int i = 0; i < OTHERS; i++)
		others[i] = alloc_malloc(SIZE);
	for (uint32_t i = 0; i < OTHERS / 2; i++) {
		wait_for(2 * i);
		alloc_free(others[2 * i]);
		alloc_free(others[2 * i + 1]);
		pass_on(2 * i + 1);
	}
	wait_for(OTHERS);
	return unused;
}

/* What another thread has freed is there at once, although it was asked just before. */
TEST(shortage_asks_others_each_time)
{
	if (SUPPORT_TSAN)
		SKIP("ThreadSanitizer has half of glibc's allocator replaced");
	pthread_t thread;
	size_t without = 0;
	support_init();
	alloc_free(alloc_malloc(SIZE));
	turn = UINT32_MAX;
	REQUIRE(!pthread_create(&thread, NULL, take_and_free, NULL));
	while (!gauge_get(others[OTHERS - 1]))
		sched_yield();
	support_fail_maps(0);
	take_all(SIZE);
	for (uint32_t i = 0; i < OTHERS / 2; i++) {
		size_t before = count;
		pass_on(2 * i);
		wait_for(2 * i + 1);
		take_all(SIZE);
		without += count == before;
	}
	support_fail_maps(-1);
	pass_on(OTHERS);
	CHECK(count < MOST);
	CHECK(without == 0);
	pthread_join(thread, NULL);
	give_all();
}

/* Blocks that wait for the next one that is sampled are blocks. */
TEST(shortage_takes_what_waits_for_samples)
{
	if (SUPPORT_TSAN)
		SKIP("ThreadSanitizer has half of glibc's allocator replaced");
	support_init();
	support_sample(true);
	struct span *span = NULL;
	while (count < MOST && !(span && span->kind == SPAN_SAMPLED))
		span = arena_span_of(blocks[count++] = alloc_malloc(BIG));
	support_sample(false);
	REQUIRE(span && span->kind == SPAN_SAMPLED);
	CHECK(span->carved < span->capacity || span->free);
	support_fail_maps(0);
	take_all(BIG);
	support_fail_maps(-1);
	CHECK(span->carved == span->capacity && !span->free);
	give_all();
}

static void take_guarded(void *unused)
{
	struct guard_figures figures;
	(void)unused;
	support_init();
	guard_init(1000000000);
	MUST(guard_one_in());
	support_fail_maps(0);
	take_all(SIZE);
	guard_read(&figures);
	MUST(figures.in_use == GUARD_SLOTS);
	give_all();
	guard_read(&figures);
	MUST(figures.in_use == 0);
}

/* And pages that wait for the next one that is guarded. */
TEST(shortage_takes_what_waits_for_guards)
{
	if (SUPPORT_TSAN)
		SKIP("ThreadSanitizer has half of glibc's allocator replaced");
	char text[200];
	CHECK(support_in_child(take_guarded, NULL, text, sizeof(text)) == 0);
}
