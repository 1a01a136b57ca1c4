/* SPDX-License-Identifier: MIT */
/* Each test runs in a child: a process has one pool, for
 * good, and its other threads would use it. */
#include "alloc/guard.h"
#include "alloc/alloc.h"
#include "alloc/options.h"
#include "alloc/probe.h"
#include "alloc/stats.h"
#include "alloc/tally.h"
#include "tests/alloc/support.h"
#include "tests/harness.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: what is not true ends it, with a line. */
#define MUST(x)                                                                        \
	do {                                                                           \
		if (!(x)) {                                                            \
			dprintf(STDERR_FILENO, "line %d: not true: %s", __LINE__, #x); \
			_exit(1);                                                      \
		}                                                                      \
	} while (0)

static void in_child(void (*run)(void *), void *argument)
{
	char text[1000];
	int status = support_in_child(run, argument, text, sizeof(text));
	if (status || text[0])
		printf("      status %d: %s\n", status, text);
	CHECK(status == 0);
	CHECK(text[0] == 0);
}

static void begin(uint64_t one_in)
{
	support_init();
	guard_init(one_in);
	MUST(guard_one_in() == one_in);
}

static uintptr_t page_of(const void *p)
{
	return (uintptr_t)p / PAGE_SIZE;
}

static void take_and_give(void *unused)
{
	(void)unused;
	static void *block[GUARD_SLOTS];
	static const int given[] = {5, 3, 200};
	struct guard_figures figures;
	begin(1);
	for (int i = 0; i < GUARD_SLOTS; i++) {
		block[i] = guard_take(40, 3, false);
		MUST(block[i] && guard_owns(block[i]));
		for (int k = 0; k < i; k++)
			MUST(page_of(block[k]) != page_of(block[i]));
	}
	MUST(!guard_take(40, 3, false));
	guard_read(&figures);
	MUST(figures.guarded == GUARD_SLOTS && figures.in_use == GUARD_SLOTS);
	for (int i = 0; i < 3; i++)
		guard_give(block[given[i]]);
	guard_read(&figures);
	MUST(figures.in_use == GUARD_SLOTS - 3);
	for (int i = 0; i < 3; i++)
		MUST(page_of(guard_take(1, 1, false)) == page_of(block[given[i]]));
	MUST(!guard_take(40, 3, false));
}

TEST(guard_slots_are_reused_first_in_first_out)
{
	in_child(take_and_give, NULL);
}

/* Every size, and at that many times round the queue. */
static void look_at_edges(void *unused)
{
	(void)unused;
	enum { ROUNDS = 4 };
	size_t at_start = 0, blocks = 0;
	begin(1);
	for (int round = 0; round < ROUNDS; round++)
		for (size_t n = 0; n <= GUARD_BLOCK_MAX; n++) {
			char *p = guard_take(n, 7, n & 1);
			size_t offset = (uintptr_t)p % PAGE_SIZE,
			       room = round_up(max_size(n, 1), 16);
			size_t align = n ? n & -n : 1;
			struct guarded block;
			MUST(p && offset % 16 == 0 && (uintptr_t)p % align == 0);
			MUST(offset == 0 || offset + room == PAGE_SIZE);
			memset(p, 0, n);
			guard_find(p, &block);
			MUST(guard_bytes(p) == n && block.class == 7 && block.sampled == (n & 1));
			at_start += offset == 0 && room < PAGE_SIZE;
			blocks += room < PAGE_SIZE;
			guard_give(p);
		}
	/* One in four, within six standard deviations. */
	MUST(fabs((double)at_start - (double)blocks / 4) < 6 * sqrt((double)blocks * 3 / 16));
}

TEST(guarded_blocks_lie_at_an_edge)
{
	in_child(look_at_edges, NULL);
}

enum { SLOTS = 100 };

/* `n` allocations of mixed sizes with frees between them; tells how many were guarded. */
static size_t churn(size_t n, size_t *eligible)
{
	static void *slots[SLOTS];
	uint64_t seed = 42;
	size_t guarded = 0;
	*eligible = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t r = support_random(&seed);
		size_t size = 1 + (r >> 20) % (1 << (4 + r % 12));
		void **slot = &slots[(r >> 40) % SLOTS];
		bool may = size_class_size(size_class_of(size)) <= GUARD_BLOCK_MAX;
		alloc_free(*slot);
		*slot = alloc_malloc(size);
		*eligible += may;
		guarded += guard_owns(*slot);
		MUST(may || !guard_owns(*slot));
	}
	for (int i = 0; i < SLOTS; i++) {
		alloc_free(slots[i]);
		slots[i] = NULL;
	}
	return guarded;
}

static void count(struct tally_sum *sum, uint64_t *mallocs, uint64_t *frees)
{
	tally_sum(sum);
	*mallocs = *frees = 0;
	for (unsigned c = 0; c < HAK_CLASS_COUNT; c++) {
		*mallocs += sum->mallocs[c];
		*frees += sum->frees[c];
	}
}

/* One in N, within six standard deviations (a chance of 2e-9); and every operation is counted. */
static void choose(void *argument)
{
	uint64_t one_in = *(uint64_t *)argument;
	struct tally_sum sum;
	uint64_t mallocs, frees;
	size_t eligible, n = one_in > 1 ? 1000000 : 100000;
	begin(one_in);
	alloc_free(alloc_malloc(1));
	sample_seed(&tcache_self->sampler, 20261125);
	size_t guarded = churn(n, &eligible);
	double p = 1.0 / (double)one_in, expected = (double)eligible * p;
	MUST(fabs((double)guarded - expected) <= 6 * sqrt(expected * (1 - p)));
	count(&sum, &mallocs, &frees);
	MUST(mallocs == n + 1 && frees == n + 1);
	struct stats stats;
	stats_read(&stats);
	MUST(stats.guarded >= guarded && stats.guarded <= guarded + 1 && !stats.guarded_in_use);
}

TEST(one_in_n_allocations_is_guarded)
{
	for (uint64_t one_in = 1; one_in <= 1000; one_in = one_in * 4 + 3)
		in_child(choose, &one_in);
}

/* The pool is full for good: everything else goes on. */
static void run_out(void *unused)
{
	(void)unused;
	static char *held[2000];
	struct guard_figures figures;
	size_t eligible;
	begin(1);
	for (int i = 0; i < 2000; i++) {
		held[i] = alloc_malloc(40);
		memset(held[i], i, 40);
	}
	guard_read(&figures);
	MUST(figures.guarded == GUARD_SLOTS && figures.in_use == GUARD_SLOTS);
	MUST(churn(20000, &eligible) == 0);
	for (int i = 0; i < 2000; i++) {
		MUST(held[i][39] == (char)i);
		alloc_free(held[i]);
	}
	guard_read(&figures);
	MUST(figures.in_use == 0);
	MUST(churn(1000, &eligible) == eligible);
}

TEST(a_full_pool_guards_no_more)
{
	in_child(run_out, NULL);
}

#if HAK_PROBES
/* Both at once: weights stay unbiased, and each sampled block's free is seen, guarded or not. */
static void sample_as_well(void *unused)
{
	(void)unused;
	size_t eligible;
	options.sample_bytes = 20000;
	begin(10);
	support_clock_step(1000000000); /* no rate is too high */
	alloc_free(alloc_malloc(1));
	sample_seed(&tcache_self->sampler, 20261126);
	support_sample(true);
	churn(100000, &eligible); /* each class' credit from before is used up */
	support_probes = (struct support_probes){0};
	size_t guarded = churn(1000000, &eligible);
	double bytes = 0, expected = (double)eligible / 10;
	uint64_t seed = 42;
	for (int i = 0; i < 1000000; i++) {
		uint64_t r = support_random(&seed);
		bytes += (double)(1 + (r >> 20) % (1 << (4 + r % 12)));
	}
	double error = (support_probes.weight - bytes) / sqrt(support_probes.variance);
	MUST(fabs(error) <= 5 && support_probes.sampled > 5000);
	MUST(support_probes.freed == support_probes.sampled);
	MUST(fabs((double)guarded - expected) <= 6 * sqrt(expected * 0.9));
}

TEST(guarding_and_sampling_are_independent)
{
	in_child(sample_as_well, NULL);
}
#endif

/* A thread that exits, and one that has no cache any more, free guarded blocks. */
static void *free_after_leaving(void *p)
{
	alloc_free(alloc_malloc(40));
	tcache_leave();
	alloc_free(p);
	return NULL;
}

static void leave(void *unused)
{
	(void)unused;
	struct tally_sum sum;
	uint64_t mallocs, frees;
	pthread_t thread;
	begin(1);
	void *p = alloc_malloc(40);
	MUST(guard_owns(p) && alloc_usable_size(p) == 40);
	MUST(!pthread_create(&thread, NULL, free_after_leaving, p) && !pthread_join(thread, NULL));
	count(&sum, &mallocs, &frees);
	MUST(mallocs == 2 && frees == 2);
}

TEST(guarded_blocks_outlive_their_thread)
{
	in_child(leave, NULL);
}

static void without_memory(void *unused)
{
	(void)unused;
	support_init();
	support_fail_maps(0);
	guard_init(1);
	_exit(guard_one_in() != 0);
}

TEST(a_guard_without_memory_says_so)
{
	char text[200];
	CHECK(support_in_child(without_memory, NULL, text, sizeof(text)) == 0);
	CHECK(strcmp(text, "hakmem: HAKMEM_GUARD: no memory for the pool; nothing is guarded\n") ==
	      0);
}

static void *volatile freed;

static void handler_before(int number, siginfo_t *info, void *context)
{
	_exit(number == SIGSEGV && info->si_addr == freed && context ? 7 : 1);
}

/* The handler that was there before has the signal after the report. */
static void fault(void *unused)
{
	(void)unused;
	struct sigaction action = {.sa_sigaction = handler_before, .sa_flags = SA_SIGINFO};
	sigaction(SIGSEGV, &action, NULL);
	begin(1);
	char *p = guard_take(40, 3, false);
	guard_give(p);
	freed = p;
	*(volatile char *)p = 1;
}

TEST(the_handler_from_before_is_called)
{
	char text[1000];
	int status = support_in_child(fault, NULL, text, sizeof(text));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	CHECK(strncmp(text, "hakmem: use after free: 0x", 26) == 0);
	CHECK(strchr(text, '\n') == text + strlen(text) - 1);
}
