/* SPDX-License-Identifier: MIT */
/* Large and huge blocks: sizes, alignments, what a resize keeps, what is kept when freed. */
#include "alloc/alloc.h"
#include "alloc/arena.h"
#include "alloc/decay.h"
#include "alloc/large.h"
#include "alloc/tally.h"
#include "tests/alloc/support.h"
#include "tests/harness.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* Every size from the first without a class to far beyond an
 * arena: usable, writable, found, freed. */
TEST(large_sizes)
{
	support_init();
	for (size_t n = MEDIUM_MAX + 1; n < 40 << 20; n += n / 3) {
		struct large block, found;
		bool zeroed;
		REQUIRE(large_take(n, 16, false, &block, &zeroed));
		CHECK(block.bytes >= n);
		CHECK(block.huge == (n > LARGE_MAX));
		memset(block.base, 0x77, block.bytes);
		REQUIRE(large_find(block.base, &found));
		CHECK(found.base == block.base && found.bytes == block.bytes && !found.sampled);
		large_set_sampled(&found, true);
		REQUIRE(large_find(block.base, &found));
		CHECK(found.sampled);
		large_give(&found);
		if (!block.huge)
			CHECK(!large_find(block.base, &found));
	}
}

TEST(large_alignments)
{
	support_init();
	for (size_t align = 16; align <= (size_t)1 << 30; align *= 2) {
		struct large block;
		bool zeroed;
		REQUIRE(large_take(100000, align, false, &block, &zeroed));
		CHECK((uintptr_t)block.base % align == 0);
		memset(block.base, 1, 100000);
		large_give(&block);
	}
}

/* Many at once: the hash table grows, and shrinks without losing one. */
TEST(large_table)
{
	support_init();
	enum { N = 3000 };
	static struct large blocks[N];
	uint64_t before = support_arenas().huge_bytes;
	bool zeroed;
	for (int i = 0; i < N; i++)
		REQUIRE(large_take(LARGE_MAX + 1 + (size_t)i * 64, 16, false, &blocks[i], &zeroed));
	size_t bad = 0;
	for (int i = 0; i < N; i += 2)
		large_give(&blocks[i]);
	for (int i = 0; i < N; i++) {
		struct large found;
		if (i % 2)
			bad += !large_find(blocks[i].base, &found) ||
			       found.bytes != blocks[i].bytes;
	}
	CHECK(bad == 0);
	for (int i = 1; i < N; i += 2)
		large_give(&blocks[i]);
	CHECK(support_arenas().huge_bytes == before);
}

/* A freed huge block serves the next request of about its
 * size; then, and at the purge, it is gone. */
TEST(huge_blocks_are_kept_for_a_while)
{
	support_init();
	large_purge(UINT64_MAX);
	struct large a, b;
	bool zeroed;
	REQUIRE(large_take(5 << 20, 16, false, &a, &zeroed));
	CHECK(zeroed);
	memset(a.base, 3, a.bytes);
	large_give(&a);
	CHECK(support_arenas().huge_cached_bytes == a.bytes);
	REQUIRE(large_take((5 << 20) - 5000, 16, false, &b, &zeroed));
	CHECK(b.base == a.base && !zeroed);
	CHECK(support_arenas().huge_cached_bytes == 0);
	large_give(&b);
	large_purge(1);
	CHECK(support_arenas().huge_cached_bytes == b.bytes);
	CHECK(decay_now() == 1);
	CHECK(support_arenas().huge_cached_bytes == 0);
	unsigned char *p = alloc_calloc_cold(5 << 20);
	CHECK(p[0] == 0 && p[5000000] == 0);
	alloc_free(p);
	p = alloc_calloc_cold(5 << 20);
	size_t nonzero = 0;
	for (size_t i = 0; i < 5 << 20; i += 64)
		nonzero += p[i] != 0;
	CHECK(nonzero == 0);
	alloc_free(p);
	for (int i = 0; i < 200; i++) { /* what is kept has a limit */
		REQUIRE(large_take(((size_t)4 << 20) + (size_t)i * 100000, 16, false, &a, &zeroed));
		large_give(&a);
		CHECK(support_arenas().huge_cached_bytes <= 128 << 20);
	}
}

/* Where much is kept, a block serves requests of a quarter of its size; else of two thirds. */
TEST(huge_blocks_serve_smaller_requests)
{
	support_init();
	enum { N = 9 };
	static struct large blocks[N];
	struct large small;
	bool zeroed;
	large_purge(UINT64_MAX);
	for (int i = 0; i < N; i++)
		REQUIRE(large_take((size_t)10 << 20, 16, false, &blocks[i], &zeroed));
	large_give(&blocks[0]);
	REQUIRE(large_take((size_t)6 << 20, 16, false, &small, &zeroed));
	CHECK(zeroed && small.bytes == 6 << 20);
	for (int i = 1; i < N; i++)
		large_give(&blocks[i]);
	large_give(&small);
	REQUIRE(large_take((size_t)3 << 20, 16, false, &small, &zeroed));
	CHECK(!zeroed && small.bytes == 6 << 20); /* the smallest that is large enough */
	REQUIRE(large_take((size_t)3 << 20, 16, false, &blocks[0], &zeroed));
	CHECK(!zeroed && blocks[0].bytes == 10 << 20);
	large_give(&blocks[0]);
	REQUIRE(large_take((size_t)9 << 18, 16, false, &blocks[0], &zeroed));
	CHECK(zeroed && blocks[0].bytes == 9 << 18);
	large_give(&blocks[0]);
	large_give(&small);
	large_purge(UINT64_MAX);
}

/* What has grown once is put where it can grow again, not into a gap that just holds it. */
TEST(large_growing_has_room)
{
	support_init();
	void *three[3];
	for (int i = 0; i < 3; i++)
		three[i] = alloc_malloc(100000); /* two granules each */
	char *p = alloc_malloc(30000);
	p[0] = 7;
	alloc_free(three[1]);
	p = alloc_realloc(p, 100000);
	REQUIRE(p != NULL);
	CHECK(p[0] == 7);
	CHECK(alloc_realloc(p, 190000) == p);
	CHECK(alloc_realloc(p, 250000) == p);
	CHECK(alloc_usable_size(p) == 4 * GRANULE_SIZE);
	alloc_free(p);
	alloc_free(three[0]);
	alloc_free(three[2]);
}

/* In place where the granules behind are free, by moving pages when huge; contents stay. */
TEST(large_resize_keeps_contents)
{
	support_init();
	unsigned char *p = alloc_malloc(40000);
	memset(p, 9, 40000);
	size_t n = 40000, bad = 0;
	while (n < 30 << 20) {
		size_t more = n + n / 3;
		p = alloc_realloc(p, more);
		REQUIRE(p != NULL);
		for (size_t i = 0; i < n; i += 1000)
			bad += p[i] != 9;
		memset(p, 9, more);
		n = more;
	}
	while (n > 40000) {
		n -= n / 3;
		p = alloc_realloc(p, n);
		bad += p[0] != 9 || p[n - 1] != 9 || alloc_usable_size(p) < n;
	}
	CHECK(bad == 0);
	alloc_free(p);
	bool zeroed;
	struct span *span = arena_take(3, SPAN_LARGE, &zeroed);
	uint64_t bytes = support_arenas().large_bytes;
	CHECK(arena_resize(span, 2) && span->granules == 2);
	CHECK(support_arenas().large_bytes == bytes - GRANULE_SIZE);
	CHECK(arena_resize(span, 3) && span->granules == 3);
	CHECK(arena_span_of(span_base(span) + 3 * GRANULE_SIZE - 1) == span);
	arena_give(span);
	CHECK(support_arenas().large_bytes == bytes - 3 * GRANULE_SIZE);
}

static void free_huge_twice(void *p)
{
	alloc_free(p);
	alloc_free(p);
}

TEST(huge_double_free)
{
	support_init();
	char text[300];
	void *p = alloc_malloc(3 << 20);
	int status = support_in_child(free_huge_twice, p, text, sizeof(text));
	CHECK(WIFSIGNALED(status) && strstr(text, "hakmem: double free of 0x") == text);
	alloc_free(p);
}

TEST(large_refuses_the_impossible)
{
	support_init();
	errno = 0;
	CHECK(alloc_malloc((size_t)PTRDIFF_MAX + 1) == NULL && errno == ENOMEM);
	errno = 0;
	CHECK(alloc_malloc(PTRDIFF_MAX) == NULL && errno == ENOMEM);
	errno = 0;
	CHECK(alloc_aligned((size_t)1 << 62, 1) == NULL && errno == ENOMEM);
}

enum { HUGE_SLOTS = 16, HUGE_ROUNDS = 3000 };

static struct large *huge_handed[HUGE_SLOTS];

/* Takes huge blocks, and frees what another thread has taken. */
static void *take_and_give_huge(void *argument)
{
	uint64_t seed = (uintptr_t)argument;
	bool zeroed;
	for (int i = 0; i < HUGE_ROUNDS; i++) {
		struct large block, found, *mark = NULL;
		size_t n = LARGE_MAX + 1 + support_random(&seed) % LARGE_MAX;
		if (support_random(&seed) % 2 && large_take(n, 16, false, &block, &zeroed)) {
			mark = block.base;
			*mark = block;
		}
		size_t slot = support_random(&seed) % HUGE_SLOTS;
		mark = __atomic_exchange_n(&huge_handed[slot], mark, __ATOMIC_ACQ_REL);
		if (!mark)
			continue;
		if (!large_find(mark, &found) || found.bytes != mark->bytes || !found.huge)
			abort();
		large_give(&found);
	}
	return NULL;
}

/* A huge block is found and freed by whichever thread; the gauges of the shards add up. */
TEST(huge_blocks_change_threads)
{
	support_init();
	pthread_t threads[4];
	uint64_t before = support_arenas().huge_bytes, out = 0;
	for (size_t i = 0; i < 4; i++)
		REQUIRE(!pthread_create(&threads[i], NULL, take_and_give_huge, (void *)(i + 1)));
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < HUGE_SLOTS; i++)
		out += huge_handed[i] ? huge_handed[i]->bytes : 0;
	CHECK(out > 0);
	CHECK(support_arenas().huge_bytes - before == out);
	CHECK(support_arenas().huge_cached_bytes <= 128 << 20);
	for (int i = 0; i < HUGE_SLOTS; i++) {
		struct large found;
		if (huge_handed[i] && large_find(huge_handed[i], &found))
			large_give(&found);
	}
	CHECK(support_arenas().huge_bytes == before);
	CHECK(decay_now() == 1);
	CHECK(support_arenas().huge_cached_bytes == 0);
}
