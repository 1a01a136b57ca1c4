/* SPDX-License-Identifier: MIT */
/* Thread caches: counts are exact at any moment, stock follows use, misuse is reported. */
#include "alloc/alloc.h"
#include "alloc/arena.h"
#include "alloc/decay.h"
#include "alloc/init.h"
#include "alloc/probe.h"
#include "alloc/tally.h"
#include "tests/alloc/support.h"
#include "tests/harness.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static void sum_of(unsigned class, uint64_t *mallocs, uint64_t *frees)
{
	struct tally_sum sum;
	tally_sum(&sum);
	*mallocs = sum.mallocs[class];
	*frees = sum.frees[class];
}

/* Counts are exact at any moment, though the hot path counts nothing. */
TEST(counts_are_exact)
{
	support_init();
	static void *blocks[5000];
	uint64_t m0, f0, m1, f1, mallocs = 0, frees = 0, seed = 5;
	unsigned class = size_class_of(200);
	sum_of(class, &m0, &f0);
	size_t bad = 0;
	for (int i = 0; i < 300000; i++) {
		size_t k = support_random(&seed) % (i < 100000 ? 50 : 5000);
		if (blocks[k]) {
			alloc_free(blocks[k]);
			blocks[k] = NULL;
			frees++;
		} else {
			blocks[k] = alloc_malloc(193 + k % 16);
			mallocs++;
		}
		if (i % 1000 == 0) {
			sum_of(class, &m1, &f1);
			bad += m1 - m0 != mallocs || f1 - f0 != frees;
		}
	}
	CHECK(bad == 0);
	for (int i = 0; i < 5000; i++) {
		frees += blocks[i] != NULL;
		alloc_free(blocks[i]);
		blocks[i] = NULL;
	}
	sum_of(class, &m1, &f1);
	CHECK(m1 - m0 == mallocs);
	CHECK(f1 - f0 == frees);
	CHECK(mallocs == frees);
}

struct worker {
	uint64_t mallocs, frees;
	unsigned seed;
};

enum { WORKERS = 4, SHARED = 4096, WORK = 400000, WORK_SIZE = 600 };
static void *shared[SHARED];

/* Blocks go from thread to thread through `shared`. */
static void *work(void *argument)
{
	struct worker *worker = argument;
	uint64_t seed = worker->seed;
	for (int i = 0; i < WORK; i++) {
		void *p = NULL;
		if (support_random(&seed) % 2) {
			p = alloc_malloc(WORK_SIZE);
			memset(p, worker->seed, WORK_SIZE);
			worker->mallocs++;
		}
		size_t k = support_random(&seed) % SHARED;
		p = __atomic_exchange_n(&shared[k], p, __ATOMIC_ACQ_REL);
		if (p) {
			unsigned char *bytes = p;
			if (bytes[0] != bytes[WORK_SIZE - 1])
				abort(); /* two owners wrote to it */
			alloc_free(p);
			worker->frees++;
		}
	}
	return NULL;
}

/* Producer-consumer traffic over four threads; after they exited the sums are exact. */
TEST(threads_are_exact)
{
	support_init();
	static struct worker workers[WORKERS];
	pthread_t threads[WORKERS];
	uint64_t m0, f0, m1, f1, mallocs = 0, frees = 0;
	unsigned class = size_class_of(WORK_SIZE);
	uint64_t exited = tally_process.threads_exited;
	sum_of(class, &m0, &f0);
	for (int i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.seed = (unsigned)i + 1};
		REQUIRE(!pthread_create(&threads[i], NULL, work, &workers[i]));
	}
	for (int i = 0; i < WORKERS; i++) {
		pthread_join(threads[i], NULL);
		mallocs += workers[i].mallocs;
		frees += workers[i].frees;
	}
	for (int i = 0; i < SHARED; i++) {
		frees += shared[i] != NULL;
		alloc_free(shared[i]);
		shared[i] = NULL;
	}
	sum_of(class, &m1, &f1);
	CHECK(m1 - m0 == mallocs);
	CHECK(f1 - f0 == frees);
	CHECK(tally_process.threads_exited == exited + WORKERS);
	CHECK(tally_process.exited.classes[class].mallocs >= mallocs);
	CHECK(tally_process.seq % 2 == 0);
}

static void *idle(void *argument)
{
	alloc_free(alloc_malloc(100));
	sched_yield();
	return argument;
}

static void *come_and_go(void *argument)
{
	uint64_t seed = (uintptr_t)argument;
	void *blocks[300];
	for (int i = 0; i < 300; i++)
		blocks[i] = alloc_malloc(1 + support_random(&seed) % 5000);
	for (int i = 0; i < 300; i++)
		alloc_free(blocks[i]);
	return NULL;
}

/*
 * Magazines of threads that work shrink and grow as a crowd comes and goes, at any moment. All
 * blocks stay whole, and the counts exact.
 */
TEST(crowds_come_and_go)
{
	support_init();
	enum { CROWDS = 25, CROWD = 60 };
	static struct worker workers[WORKERS];
	pthread_t threads[WORKERS], crowd[CROWD];
	uint64_t m0, f0, m1, f1, mallocs = 0, frees = 0;
	unsigned class = size_class_of(WORK_SIZE);
	sum_of(class, &m0, &f0);
	for (int i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.seed = (unsigned)i + 10};
		REQUIRE(!pthread_create(&threads[i], NULL, work, &workers[i]));
	}
	for (int c = 0; c < CROWDS; c++) {
		for (int i = 0; i < CROWD; i++)
			REQUIRE(!pthread_create(&crowd[i], NULL, i % 2 ? come_and_go : idle,
			                        (void *)(uintptr_t)(c * CROWD + i)));
		for (int i = 0; i < CROWD; i++)
			pthread_join(crowd[i], NULL);
	}
	for (int i = 0; i < WORKERS; i++) {
		pthread_join(threads[i], NULL);
		mallocs += workers[i].mallocs;
		frees += workers[i].frees;
	}
	for (int i = 0; i < SHARED; i++) {
		frees += shared[i] != NULL;
		alloc_free(shared[i]);
		shared[i] = NULL;
	}
	sum_of(class, &m1, &f1);
	CHECK(m1 - m0 - (f1 - f0) == mallocs - frees);
	CHECK(m1 - m0 >= mallocs);
	CHECK(tally_process.threads_live <= 1 + WORKERS);
}

enum { GIVEN = 8, GIVEN_SIZE = 16, LINE = 64, EXCHANGED = 4000 };

static void *exchange_given(void *blocks)
{
	void **given = blocks;
	for (size_t i = 0; i < EXCHANGED; i++) {
		alloc_free(given[i % GIVEN]);
		given[i % GIVEN] = alloc_malloc(GIVEN_SIZE);
	}
	return NULL;
}

static size_t count_shared(void *const *a, void *const *b)
{
	size_t lines = 0;
	for (int i = 0; i < GIVEN; i++)
		for (int j = 0; j < GIVEN; j++)
			lines += (uintptr_t)a[i] / LINE == (uintptr_t)b[j] / LINE;
	return lines;
}

/* Blocks that lie in a line with another thread's are not allocated again for ever. */
TEST(threads_part_from_shared_lines)
{
	support_init();
	void *ours[GIVEN], *given[GIVEN];
	pthread_t thread;
	for (int i = 0; i < GIVEN; i++) {
		ours[i] = alloc_malloc(GIVEN_SIZE);
		given[i] = alloc_malloc(GIVEN_SIZE);
	}
	size_t before = count_shared(ours, given);
	CHECK(before >= GIVEN / 2);
	REQUIRE(!pthread_create(&thread, NULL, exchange_given, given));
	pthread_join(thread, NULL);
	CHECK(count_shared(ours, given) <= before / 4);
	for (int i = 0; i < GIVEN; i++) {
		alloc_free(ours[i]);
		alloc_free(given[i]);
	}
}

enum { HEIR_SIZE = 7000, HEIR_BLOCKS = 8 };

static void *use_a_few(void *refills)
{
	void *blocks[HEIR_BLOCKS];
	for (int i = 0; i < HEIR_BLOCKS; i++)
		blocks[i] = alloc_malloc(HEIR_SIZE);
	for (int i = 0; i < HEIR_BLOCKS; i++)
		alloc_free(blocks[i]);
	*(uint64_t *)refills = tcache_self->record.classes[size_class_of(HEIR_SIZE)].refills;
	return NULL;
}

/* A thread begins with what an earlier one had in stock, and malloc_trim takes it from both. */
TEST(stock_waits_for_the_next_thread)
{
	support_init();
	unsigned class = size_class_of(HEIR_SIZE);
	uint64_t refills[3], m0, f0, m1, f1;
	pthread_t thread;
	alloc_free(alloc_malloc(1)); /* this thread has a cache now */
	tcache_flush_all(tcache_self);
	sum_of(class, &m0, &f0);
	for (int i = 0; i < 3; i++) {
		if (i == 2)
			tcache_flush_all(tcache_self);
		uint64_t in_spans = tally_process.memory.span_free[class];
		REQUIRE(!pthread_create(&thread, NULL, use_a_few, &refills[i]));
		pthread_join(thread, NULL);
		CHECK(i != 1 || tally_process.memory.span_free[class] == in_spans);
	}
	CHECK(refills[0] > 0);
	CHECK(refills[1] == 0);
	CHECK(refills[2] > 0);
	sum_of(class, &m1, &f1);
	CHECK(m1 - m0 == 3 * HEIR_BLOCKS && f1 - f0 == 3 * HEIR_BLOCKS);
}

enum { LEFT_SIZE = 2000, LEFT_BLOCKS = 8 };

static void *use_stock_up(void *blocks)
{
	for (int i = 0; i < LEFT_BLOCKS; i++)
		((void **)blocks)[i] = alloc_malloc(LEFT_SIZE);
	return NULL;
}

static void *free_first(void *block)
{
	alloc_free(block);
	return NULL;
}

/* A cache that was left with an empty magazine, and whose next owner begins with a free. */
TEST(first_operation_of_an_heir_is_a_free)
{
	support_init();
	void *blocks[LEFT_BLOCKS], *more[LEFT_BLOCKS];
	pthread_t thread;
	size_t bad = 0;
	alloc_free(alloc_malloc(1));
	tcache_flush_all(tcache_self);
	REQUIRE(!pthread_create(&thread, NULL, use_stock_up, blocks));
	pthread_join(thread, NULL);
	REQUIRE(!pthread_create(&thread, NULL, free_first, blocks[0]));
	pthread_join(thread, NULL);
	use_stock_up(more);
	for (int i = 0; i < LEFT_BLOCKS; i++) {
		bad += !arena_owns(more[i]) ||
		       address_map_class(more[i]) != size_class_of(LEFT_SIZE);
		for (int j = 1; j < LEFT_BLOCKS; j++)
			bad += more[i] == blocks[j];
	}
	CHECK(bad == 0);
	for (int i = 0; i < LEFT_BLOCKS; i++) {
		alloc_free(more[i]);
		alloc_free(i ? blocks[i] : NULL);
	}
}

/* Steady state: a cold visit at most once in 32 operations. */
TEST(cold_visits_are_rare)
{
	support_init();
	static void *blocks[400];
	uint64_t seed = 9, visits = 0;
	enum { OPS = 2000000 };
	for (int i = 0; i < 2 * OPS; i++) {
		if (i == OPS)
			visits = tcache_self->record.cold_visits;
		uint64_t r = support_random(&seed);
		void **slot = &blocks[r % 400];
		if (*slot) {
			alloc_free(*slot);
			*slot = NULL;
		} else {
			*slot = alloc_malloc(16 + (r >> 32) % 1024);
		}
	}
	visits = tcache_self->record.cold_visits - visits;
	CHECK(visits * 32 <= OPS);
	for (int i = 0; i < 400; i++) {
		alloc_free(blocks[i]);
		blocks[i] = NULL;
	}
}

static size_t count_granules(void *const *blocks, size_t n)
{
	size_t granules = 0;
	for (size_t i = 0; i < n; i++) {
		bool seen = false;
		for (size_t j = 0; j < i && !seen; j++)
			seen = (uintptr_t)blocks[i] >> GRANULE_SHIFT ==
			       (uintptr_t)blocks[j] >> GRANULE_SHIFT;
		granules += !seen;
	}
	return granules;
}

/* What is allocated after nearly all of a class has died lies close together. */
TEST(new_blocks_after_a_death_are_close)
{
	support_init();
	enum { N = 20000, AGAIN = 400, SIZE = 304 };
	static void *blocks[N];
	uint64_t seed = 3;
	for (int i = 0; i < N; i++)
		blocks[i] = alloc_malloc(SIZE);
	for (int i = 0; i < N; i++) { /* in random order */
		size_t k = (size_t)i + support_random(&seed) % (size_t)(N - i);
		void *p = blocks[k];
		blocks[k] = blocks[i];
		alloc_free(p);
	}
	for (int i = 0; i < AGAIN; i++)
		blocks[i] = alloc_malloc(SIZE);
	CHECK(count_granules(blocks, AGAIN) <= 6);
	for (int i = 0; i < AGAIN; i++)
		alloc_free(blocks[i]);
}

/* A class that is little used keeps little in stock. */
TEST(stock_follows_use)
{
	support_init();
	enum { N = 250, FEW = 40, SIZE = 208, PERIODS = 3 };
	void *blocks[N];
	unsigned class = size_class_of(SIZE);
	const struct hak_slot *slot = &tcache_slots[class];
	for (int i = 0; i < N; i++)
		blocks[i] = alloc_malloc(SIZE);
	for (int i = 0; i < N; i++)
		alloc_free(blocks[i]);
	CHECK((slot->top - slot->base) / 8 > FEW);
	support_clock_step(decay_period_ns());
	for (int period = 0; period < PERIODS; period++) {
		for (int i = 0; i < FEW; i++)
			alloc_free(alloc_malloc(SIZE));
		for (int i = 0; i <= TCACHE_VISITS_MASK; i++) /* cold visits */
			alloc_free(alloc_malloc(MEDIUM_MAX + 1));
	}
	support_clock_step(0);
	CHECK(tcache_self->record.classes[class].flushes > 0);
	CHECK((slot->top - slot->base) / 8 <= FEW);
}

#if HAK_PROBES
/* This thread's counts, of all classes: house-keeping may give up stock of any. */
static struct hak_class_record sum_of_classes(void)
{
	struct hak_class_record sum = {0};
	for (unsigned c = 1; tcache_self && c < HAK_CLASS_COUNT; c++) {
		const struct hak_class_record *class = &tcache_self->record.classes[c];
		sum.route[HAK_ROUTE_DEPOT] += class->route[HAK_ROUTE_DEPOT];
		sum.route[HAK_ROUTE_SPAN] += class->route[HAK_ROUTE_SPAN];
		sum.refills += class->refills;
		sum.refill_blocks += class->refill_blocks;
		sum.flushes += class->flushes;
		sum.flush_blocks += class->flush_blocks;
	}
	return sum;
}

/* The route counts, refills and flushes agree with the probes that fire for them. */
TEST(records_agree_with_probes)
{
	support_init();
	enum { N = 20000, SIZE = 320 };
	static void *blocks[N];
	struct hak_class_record before = sum_of_classes();
	support_watch(true);
	support_probes = (struct support_probes){0};
	for (int i = 0; i < N; i++)
		blocks[i] = alloc_malloc(SIZE);
	for (int i = 0; i < N; i++)
		alloc_free(blocks[i]);
	support_clock_step(decay_period_ns());
	for (int i = 0; i <= TCACHE_VISITS_MASK; i++) /* stock is given up */
		alloc_free(alloc_malloc(MEDIUM_MAX + 1));
	support_clock_step(0);
	support_watch(false);
	struct hak_class_record after = sum_of_classes();
	CHECK(after.refills - before.refills == support_probes.refills);
	CHECK(after.refill_blocks - before.refill_blocks == support_probes.refill_blocks);
	CHECK(after.flushes - before.flushes == support_probes.flushes);
	CHECK(after.flush_blocks - before.flush_blocks == support_probes.flush_blocks);
	CHECK(support_probes.refills > 10 && support_probes.flushes > 10);
	CHECK(after.route[HAK_ROUTE_DEPOT] + after.route[HAK_ROUTE_SPAN] -
	              before.route[HAK_ROUTE_DEPOT] - before.route[HAK_ROUTE_SPAN] ==
	      support_probes.refills);
}
#endif

static void free_twice(void *p)
{
	alloc_free(p);
	alloc_free(p);
	tcache_flush_all(tcache_self);
}

static void free_twice_when_full(void *p)
{
	(void)p;
	void *blocks[4];
	for (int i = 0; i < 4; i++)
		blocks[i] = alloc_malloc(20000);
	for (int i = 0; i < 1000; i++) /* some cold visit finds it on top */
		alloc_free(blocks[i / 2 % 4]);
}

static void free_wild(void *p)
{
	alloc_free(p);
}

TEST(misuse_is_reported)
{
	support_init();
	char text[500];
	int status = support_in_child(free_twice, alloc_malloc(64), text, sizeof(text));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	/* the second one, when the first made its span empty and so gave it up */
	CHECK(strstr(text, "hakmem: double free of 0x") == text ||
	      strstr(text, "hakmem: free of memory that is not allocated: 0x") == text);
	status = support_in_child(free_twice_when_full, NULL, text, sizeof(text));
	CHECK(WIFSIGNALED(status) && strstr(text, "double free"));
	char *large = alloc_malloc(100000);
	status = support_in_child(free_wild, large + 64, text, sizeof(text));
	CHECK(WIFSIGNALED(status) && strstr(text, "not the start of a block"));
	char *header = (char *)((uintptr_t)large & ~(uintptr_t)(ARENA_SIZE - 1)) + 128;
	status = support_in_child(free_wild, header, text, sizeof(text));
	CHECK(WIFSIGNALED(status) && strstr(text, "memory that is not allocated"));
	alloc_free(large);
}

/* No memory: NULL and ENOMEM, and all is well afterwards. */
TEST(out_of_memory)
{
	if (SUPPORT_TSAN)
		SKIP("ThreadSanitizer has half of glibc's allocator replaced");
	support_init();
	enum { N = 200000 };
	static void *blocks[N];
	size_t sizes[] = {24, 1000, 30000, 100000, 5000000};
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		size_t n = 0;
		support_fail_maps(0);
		errno = 0;
		while (n < N && (blocks[n] = alloc_malloc(sizes[s])))
			n++;
		CHECK(n == N || errno == ENOMEM);
		/* glibc may have some yet, for blocks of a class */
		CHECK(n < N || sizes[s] <= MEDIUM_MAX);
		support_fail_maps(-1);
		void *p = alloc_malloc(sizes[s]);
		CHECK(p != NULL);
		alloc_free(p);
		while (n)
			alloc_free(blocks[--n]);
	}
}

/* Random operations of all kinds against the contents that must survive them. */
TEST(random_operations_keep_contents)
{
	support_init();
	enum { N = 2000 };
	static struct {
		unsigned char *p;
		size_t n;
	} live[N];
	uint64_t seed = 77;
	size_t bad = 0;
	for (int i = 0; i < 400000; i++) {
		uint64_t r = support_random(&seed);
		size_t k = r % N, n = 1 + (r >> 20) % ((size_t)1 << (3 + (r >> 50) % 15));
		if (i % 3000 == 0)
			n = 1 + r % (6 << 20);
		unsigned char tag = (unsigned char)k;
		if (live[k].p)
			bad += live[k].p[0] != tag || live[k].p[live[k].n - 1] != tag;
		switch (r >> 60 & 3) {
		case 0:
			alloc_free(live[k].p);
			live[k].p = alloc_malloc(n);
			break;
		case 1:
			alloc_free(live[k].p);
			live[k].p = alloc_calloc(n);
			bad += live[k].p[0] || live[k].p[n / 2] || live[k].p[n - 1];
			break;
		case 2:
			live[k].p = alloc_realloc(live[k].p, n);
			bad += live[k].n && live[k].p[0] != tag;
			break;
		default: {
			size_t align = (size_t)1 << (4 + (r >> 54) % 14);
			alloc_free(live[k].p);
			live[k].p = alloc_aligned(align, n);
			bad += (uintptr_t)live[k].p % align != 0;
		}
		}
		live[k].n = n;
		bad += alloc_usable_size(live[k].p) < n || (uintptr_t)live[k].p % 16 != 0;
		memset(live[k].p, tag, n);
	}
	CHECK(bad == 0);
	for (int i = 0; i < N; i++) {
		alloc_free(live[i].p);
		live[i].p = NULL;
	}
}
