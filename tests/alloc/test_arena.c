/* SPDX-License-Identifier: MIT */
/* Arenas and the address map: runs of granules come, go, are purged, unmapped and mapped again. */
#include "alloc/address_map.h"
#include "alloc/arena.h"
#include "alloc/tally.h"
#include "tests/alloc/support.h"
#include "tests/harness.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

TEST(address_map_knows_nothing_at_first)
{
	static int here;
	int stack;
	CHECK(address_map_class(NULL) == 0);
	CHECK(address_map_class(&here) == 0);
	CHECK(address_map_class(&stack) == 0);
	CHECK(address_map_class((void *)UINTPTR_MAX) == 0);
	CHECK(address_map_class((void *)(WINDOW_BYTES - 1)) == 0);
	CHECK(arena_span_of(&stack) == NULL);
	CHECK(arena_span_of((void *)UINTPTR_MAX) == NULL);
	CHECK(arena_span_of(NULL) == NULL);
	CHECK(!arena_owns(&here));
}

TEST(address_map_set_and_clear)
{
	char *base = (char *)WINDOW_LAST;
	address_map_set(base, 3, 7);
	CHECK(address_map_class(base) == 7);
	CHECK(address_map_class(base + 3 * GRANULE_SIZE - 1) == 7);
	CHECK(address_map_class(base + 3 * GRANULE_SIZE) == 0);
	CHECK(address_map_class(base - 1) == 0);
	CHECK(address_map_slot(base) == 7 * sizeof(struct hak_slot));
	address_map_set(base, 3, 0);
	CHECK(address_map_class(base) == 0);
}

/* Runs do not overlap, are where they say, are found from any inner address, and read as zero. */
TEST(arena_runs)
{
	support_init();
	enum { N = 300 };
	static struct span *spans[N];
	uint64_t seed = 1;
	for (int i = 0; i < N; i++) {
		bool zeroed;
		unsigned granules = 1 + support_random(&seed) % 32;
		spans[i] = arena_take(granules, SPAN_LARGE, &zeroed);
		REQUIRE(spans[i] != NULL);
		CHECK(span_bytes(spans[i]) == (size_t)granules * GRANULE_SIZE);
		CHECK((uintptr_t)span_base(spans[i]) % GRANULE_SIZE == 0);
		CHECK(arena_span_of(span_base(spans[i])) == spans[i]);
		CHECK(arena_span_of(span_base(spans[i]) + span_bytes(spans[i]) - 1) == spans[i]);
		size_t nonzero = 0;
		if (zeroed)
			for (size_t b = 0; b < span_bytes(spans[i]); b += 512)
				nonzero += span_base(spans[i])[b] != 0;
		CHECK(nonzero == 0);
		memset(span_base(spans[i]), i, span_bytes(spans[i]));
	}
	size_t bad = 0;
	for (int i = 0; i < N; i++)
		for (size_t b = 0; b < span_bytes(spans[i]); b += 4096)
			bad += span_base(spans[i])[b] != (char)i;
	CHECK(bad == 0);
	for (int i = 0; i < N; i++) {
		char *base = span_base(spans[i]);
		arena_give(spans[i]);
		CHECK(arena_span_of(base) == NULL);
		CHECK(arena_owns(base));
	}
}

/* What was given back is taken again, lowest address first, before anything is mapped. */
TEST(arena_reuses)
{
	support_init();
	bool zeroed;
	struct span *a = arena_take(5, SPAN_LARGE, &zeroed),
	            *b = arena_take(5, SPAN_LARGE, &zeroed);
	char *base = span_base(a);
	base[0] = 1;
	arena_give(a);
	uint64_t mapped = support_arenas().arena_bytes;
	struct span *again = arena_take(5, SPAN_LARGE, &zeroed);
	CHECK(span_base(again) == base);
	CHECK(!zeroed);
	CHECK(support_arenas().arena_bytes == mapped);
	arena_give(again);
	arena_give(b);
}

TEST(arena_purge_gives_zeroed_memory)
{
	support_init();
	bool zeroed;
	struct span *a = arena_take(9, SPAN_LARGE, &zeroed);
	char *base = span_base(a);
	memset(base, 0x55, 9 * GRANULE_SIZE);
	arena_give(a);
	CHECK(support_arenas().dirty_bytes >= 9 * GRANULE_SIZE);
	uint64_t purged = support_arenas().purged_bytes;
	arena_purge(true);
	CHECK(support_arenas().dirty_bytes == 0);
	CHECK(support_arenas().purged_bytes >= purged + 9 * GRANULE_SIZE);
	struct span *again = arena_take(9, SPAN_LARGE, &zeroed);
	CHECK(zeroed && span_base(again)[0] == 0);
	arena_give(again);
}

/* Free from one purge to the next: gone. Taken and given back in between: not. */
TEST(arena_purge_spares_what_was_freed_lately)
{
	support_init();
	bool zeroed;
	arena_purge(true);
	struct span *a = arena_take(2, SPAN_LARGE, &zeroed),
	            *b = arena_take(2, SPAN_LARGE, &zeroed);
	arena_give(a);
	arena_give(b);
	arena_purge(false);
	CHECK(support_arenas().dirty_bytes == 4 * GRANULE_SIZE);
	arena_give(arena_take(2, SPAN_LARGE, &zeroed));
	arena_purge(false);
	CHECK(support_arenas().dirty_bytes == 2 * GRANULE_SIZE);
	arena_purge(false);
	CHECK(support_arenas().dirty_bytes == 0);
}

TEST(arena_without_memory)
{
	support_init();
	support_fail_maps(0);
	struct span *taken[4096];
	size_t n = 0;
	bool zeroed;
	while (n < 4096 && (taken[n] = arena_take(63, SPAN_LARGE, &zeroed)))
		n++;
	CHECK(n < 4096);
	support_fail_maps(-1);
	struct span *span = arena_take(63, SPAN_LARGE, &zeroed);
	CHECK(span != NULL);
	arena_give(span);
	while (n)
		arena_give(taken[--n]);
}

enum { SHARD_RUNS = 40, SHARD_ROUNDS = 20000 };

static struct span *handed[2 * SHARD_RUNS];

/* Takes runs, and gives back what the other thread has taken. */
static void *take_and_give(void *argument)
{
	uint64_t seed = (uintptr_t)argument;
	bool zeroed;
	for (int i = 0; i < SHARD_ROUNDS; i++) {
		struct span *span = NULL;
		unsigned granules = 1 + support_random(&seed) % 20;
		if (support_random(&seed) % 2 && (span = arena_take(granules, SPAN_LARGE, &zeroed)))
			*(uint64_t *)span_base(span) = (uintptr_t)span;
		span = __atomic_exchange_n(&handed[support_random(&seed) % (2 * SHARD_RUNS)], span,
		                           __ATOMIC_ACQ_REL);
		if (!span)
			continue;
		if (*(uint64_t *)span_base(span) != (uintptr_t)span)
			abort(); /* two owners wrote to it */
		arena_give(span);
	}
	return NULL;
}

/* Threads take from shards of their own and give into each other's; the gauges add up. */
TEST(arena_shards)
{
	support_init();
	pthread_t threads[4];
	struct hak_arenas before = support_arenas();
	for (size_t i = 0; i < 4; i++)
		REQUIRE(!pthread_create(&threads[i], NULL, take_and_give, (void *)(i + 1)));
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	uint64_t out = 0;
	for (int i = 0; i < 2 * SHARD_RUNS; i++)
		out += handed[i] ? span_bytes(handed[i]) : 0;
	CHECK(out > 0);
	CHECK(support_arenas().large_bytes - before.large_bytes == out);
	for (int i = 0; i < 2 * SHARD_RUNS; i++)
		if (handed[i])
			arena_give(handed[i]);
	memset(handed, 0, sizeof(handed));
	CHECK(support_arenas().large_bytes == before.large_bytes);
	uint64_t dirty = support_arenas().dirty_bytes, purged = support_arenas().purged_bytes;
	arena_purge(true);
	CHECK(support_arenas().dirty_bytes == 0);
	CHECK(support_arenas().purged_bytes - purged == dirty);
}

/* What other shards have free is taken before more is mapped. */
TEST(arena_takes_from_other_shards)
{
	support_init();
	enum { N = 200 };
	static struct span *spans[N];
	pthread_t threads[4];
	bool zeroed;
	for (size_t i = 0; i < 4; i++) /* they meet, and spread over the shards */
		REQUIRE(!pthread_create(&threads[i], NULL, take_and_give, (void *)(i + 1)));
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 2 * SHARD_RUNS; i++)
		if (handed[i])
			arena_give(handed[i]);
	memset(handed, 0, sizeof(handed));
	uint64_t mapped = support_arenas().arena_bytes;
	unsigned used = 0, n = 0;
	while (n < N && support_arenas().arena_bytes == mapped)
		used |= 1u << arena_of(spans[n++] = arena_take(60, SPAN_LARGE, &zeroed))->shard;
	CHECK(n < N);
	for (unsigned i = 0; i < ARENA_SHARDS; i++)
		CHECK(!tally_process.memory.arenas[i].arena_bytes || used >> i & 1);
	while (n)
		arena_give(spans[--n]);
}

/* Bits that are all set for as long as the span has them, so that another's would be seen. */
static struct span *take_with_bits(unsigned blocks, size_t *bad)
{
	bool zeroed;
	struct span *span = arena_take(1, SPAN_CLASS, &zeroed);
	if (!span)
		return NULL;
	arena_take_bits(span, blocks);
	for (unsigned i = 0; i < (blocks + 63) / 64; i++) {
		*bad += span->bits[i] != 0;
		span->bits[i] = UINT64_MAX;
	}
	span->capacity = (uint16_t)blocks;
	return span;
}

static void give_with_bits(struct span *span, size_t *bad)
{
	for (unsigned i = 0; i < (span->capacity + 63u) / 64; i++)
		*bad += span->bits[i] != UINT64_MAX;
	arena_give_bits(span);
	arena_give(span);
}

/* Bitmaps of any length find room in the header, are zero at first, and do not overlap. */
TEST(arena_bits)
{
	support_init();
	enum { N = 200 };
	static struct span *spans[N];
	uint64_t seed = 3;
	size_t bad = 0;
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < N; i++) {
			if (spans[i] && support_random(&seed) % 2) {
				give_with_bits(spans[i], &bad);
				spans[i] = NULL;
			}
			if (!spans[i]) {
				unsigned most = GRANULE_BLOCKS_MAX >> support_random(&seed) % 8;
				spans[i] = take_with_bits(1 + support_random(&seed) % most, &bad);
				REQUIRE(spans[i] != NULL);
			}
		}
	}
	for (int i = 0; i < N; i++) {
		give_with_bits(spans[i], &bad);
		spans[i] = NULL;
	}
	CHECK(bad == 0);
}

/* What a wholly free arena gives back to the OS of its header is not missed. */
TEST(arena_header_is_purged)
{
	support_init();
	bool zeroed;
	size_t bad = 0;
	struct span *span = take_with_bits(GRANULE_BLOCKS_MAX, &bad);
	REQUIRE(span != NULL);
	const char *base = span_base(span);
	give_with_bits(span, &bad);
	arena_purge(true);
	CHECK(arena_span_of(base) == NULL);
	span = arena_take(ARENA_GRANULES - 1, SPAN_LARGE, &zeroed);
	REQUIRE(span != NULL);
	CHECK(arena_span_of(span_base(span) + span_bytes(span) - 1) == span);
	arena_give(span);
	span = take_with_bits(GRANULE_BLOCKS_MAX, &bad);
	REQUIRE(span != NULL);
	give_with_bits(span, &bad);
	CHECK(bad == 0);
}

/* Runs at multiples of 2 to 32 granules; the granules between them are for others. */
TEST(arena_aligned_runs)
{
	support_init();
	enum { N = 200 };
	static struct span *spans[N];
	uint64_t seed = 9;
	bool zeroed;
	for (int i = 0; i < N; i++) {
		unsigned align = 1u << support_random(&seed) % 6;
		unsigned granules = 1 + support_random(&seed) % 32;
		spans[i] = arena_take_aligned(granules, align, SPAN_LARGE, &zeroed);
		REQUIRE(spans[i] != NULL);
		CHECK((uintptr_t)span_base(spans[i]) % ((uintptr_t)align << GRANULE_SHIFT) == 0);
		CHECK(span_bytes(spans[i]) == (size_t)granules * GRANULE_SIZE);
		memset(span_base(spans[i]), i, span_bytes(spans[i]));
	}
	size_t bad = 0;
	for (int i = 0; i < N; i++)
		for (size_t b = 0; b < span_bytes(spans[i]); b += 4096)
			bad += span_base(spans[i])[b] != (char)i;
	CHECK(bad == 0);
	uint64_t mapped = support_arenas().arena_bytes;
	for (int i = 0; i < N; i++)
		arena_give(spans[i]);
	for (int i = 0; i < N; i++)
		REQUIRE((spans[i] = arena_take_aligned(1, 4, SPAN_LARGE, &zeroed)) != NULL);
	CHECK(support_arenas().arena_bytes <= mapped + ARENA_SIZE);
	for (int i = 0; i < N; i++)
		arena_give(spans[i]);
}

/* A wholly free arena is unmapped, is nobody's then, and its place is used again. */
TEST(arena_unmapped_and_mapped_again)
{
	support_init();
	enum { N = 20 };
	struct span *spans[N];
	const char *bases[N];
	bool zeroed;
	arena_unmap_free();
	uint64_t before = support_arenas().arena_bytes, dirty = support_arenas().dirty_bytes;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N; i++) {
			spans[i] = arena_take(ARENA_GRANULES - 1, SPAN_LARGE, &zeroed);
			REQUIRE(spans[i] != NULL && zeroed);
			bases[i] = span_base(spans[i]);
			CHECK(bases[i][100] == 0 && arena_owns(bases[i]));
			memset(span_base(spans[i]), 5, span_bytes(spans[i]));
		}
		CHECK(support_arenas().arena_bytes > before);
		for (int i = 0; i < N; i++)
			arena_give(spans[i]);
		if (round == 2)
			arena_purge(true);
		else
			arena_unmap_free();
		CHECK(support_arenas().dirty_bytes <= dirty);
		for (int i = 0; i < N; i++)
			CHECK(!arena_owns(bases[i]) && !arena_span_of(bases[i]));
		/* what is left of each is the first pages of its header */
		CHECK(support_arenas().arena_bytes <= before + (uint64_t)N * 4 * PAGE_SIZE);
	}
}

/* Where there is no room for an arena there may be for a part of one. */
TEST(arena_in_part)
{
	support_init();
	bool zeroed;
	size_t n = 0;
	static struct span *taken[4096];
	support_map_limit(ARENA_SIZE / 2);
	while (n < 100 && (taken[n] = arena_take(7, SPAN_LARGE, &zeroed))) {
		memset(span_base(taken[n]), 1, span_bytes(taken[n]));
		n++;
	}
	CHECK(n == 100);
	support_map_limit(0);
	while (n)
		arena_give(taken[--n]);
	arena_unmap_free();
	struct span *whole = arena_take(63, SPAN_LARGE, &zeroed);
	CHECK(whole != NULL);
	if (whole)
		arena_give(whole);
}
