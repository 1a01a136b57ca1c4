/* SPDX-License-Identifier: MIT */
/* Sampled blocks that live: found by address, unbiased when there is no room for more. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness.h"
#include "tools/profile/heap.h"
#include "tools/profile/stacks.h"

struct sum {
	size_t objects;
	double weight;
};

static int add_up(const struct heap_object *object, void *context)
{
	struct sum *sum = context;

	sum->objects++;
	sum->weight += object->weight;
	return 0;
}

static struct sum sum_of(const struct heap *heap)
{
	struct sum sum = {0};

	CHECK(heap__walk(heap, add_up, &sum) == 0);
	return sum;
}

/* Against a plain array: 200,000 operations on 4,096 addresses that collide in clusters. */
TEST(heap_is_a_map)
{
	enum { ADDRESSES = 4096, OPERATIONS = 200000 };
	static uint64_t entered_at[ADDRESSES];
	struct heap *heap = heap__new(ADDRESSES);
	struct heap_object object;
	size_t alive = 0;

	REQUIRE(heap != NULL);
	memset(entered_at, 0, sizeof(entered_at));
	srand(3);
	for (uint64_t now = 1; now <= OPERATIONS; now++) {
		size_t i = (size_t)rand() % ADDRESSES;
		uint64_t ptr = 0x7f0000000000 + i * 16;

		if (entered_at[i]) {
			REQUIRE(heap__leave(heap, ptr, now, &object));
			CHECK(object.ptr == ptr && object.time_ns == entered_at[i] &&
			      object.stack == i);
			entered_at[i] = 0;
			alive--;
		} else {
			CHECK(!heap__leave(heap, ptr, now, &object));
			object = (struct heap_object){ptr, now, 1, 1, (uint32_t)i};
			REQUIRE(heap__enter(heap, &object) == 0);
			entered_at[i] = now;
			alive++;
		}
		REQUIRE(heap__size(heap) == alive);
	}
	CHECK(sum_of(heap).objects == alive);
	CHECK(heap__counts(heap)->evicted == 0 && heap__counts(heap)->replaced == 0);
	heap__free(heap);
}

TEST(heap_replaces_what_lost_its_free)
{
	struct heap *heap = heap__new(16);
	struct heap_object object = {.ptr = 64, .time_ns = 1, .weight = 10, .count = 1};

	REQUIRE(heap != NULL);
	CHECK(heap__enter(heap, &object) == 0);
	object.weight = 7;
	CHECK(heap__enter(heap, &object) == 0);
	CHECK(heap__size(heap) == 1 && sum_of(heap).weight == 7);
	CHECK(heap__counts(heap)->replaced == 1);
	CHECK(!heap__leave(heap, 0, 5, &object));
	heap__free(heap);
}

/* 64 times as many objects as there is room for: the sum of weights stays true. */
TEST(heap_stays_unbiased_when_full)
{
	enum { MOST = 4096, ENTERED = 64 * MOST };
	struct heap *heap = heap__new(MOST);
	struct sum sum;

	REQUIRE(heap != NULL);
	for (size_t i = 1; i <= ENTERED; i++) {
		struct heap_object object = {i * 48, i, 100, 1, 0};

		REQUIRE(heap__enter(heap, &object) == 0);
		REQUIRE(heap__size(heap) <= MOST);
	}
	sum = sum_of(heap);
	CHECK(sum.objects > MOST / 4);
	CHECK(heap__counts(heap)->evicted == ENTERED - sum.objects);
	/* Four standard errors of a sample of that size. */
	CHECK(fabs(sum.weight / (100.0 * ENTERED) - 1) < 4 / sqrt((double)sum.objects));
	heap__free(heap);
}

TEST(heap_counts_lifetimes_by_powers_of_two)
{
	struct heap *heap = heap__new(16);
	const uint64_t ages[] = {0, 1, 2, 3, 1023, 1024, 5000000000ull};
	const unsigned buckets[] = {0, 0, 1, 1, 9, 10, 32};
	struct heap_object object;

	REQUIRE(heap != NULL);
	for (size_t i = 0; i < sizeof(ages) / sizeof(*ages); i++) {
		uint64_t before = heap__lifetimes(heap)->samples[buckets[i]];

		object = (struct heap_object){16, 100, 3, 1, 0};
		CHECK(heap__enter(heap, &object) == 0);
		CHECK(heap__leave(heap, 16, 100 + ages[i], &object));
		CHECK(heap__lifetimes(heap)->samples[buckets[i]] == before + 1);
	}
	CHECK(heap__lifetimes(heap)->weight[0] == 6);
	heap__free(heap);
}

TEST(stacks_are_kept_once)
{
	struct stacks *stacks = stacks__new();
	uint32_t main_stack, a, b;

	REQUIRE(stacks != NULL);
	main_stack = stacks__enter(stacks, STACKS_ROOT, "main", 0x10);
	a = stacks__enter(stacks, main_stack, "f", 0x20);
	b = stacks__enter(stacks, main_stack, "f", 0x28);
	CHECK(a != b && a != main_stack);
	CHECK(stacks__enter(stacks, main_stack, "f", 0x20) == a);
	CHECK(stacks__figures(stacks, a) == NULL);
	CHECK(stacks__add(stacks, a, FLAME_ALLOC, 100, 2) == 0);
	CHECK(stacks__add(stacks, a, FLAME_ALLOC, 50, 1) == 0);
	CHECK(stacks__add(stacks, b, FLAME_LIVE, 7, 1) == 0);
	CHECK(stacks__figures(stacks, a)[FLAME_ALLOC].weight == 150);
	CHECK(stacks__figures(stacks, a)[FLAME_ALLOC].samples == 2);
	CHECK(stacks__total(stacks, FLAME_LIVE).weight == 7);
	stacks__clear(stacks, FLAME_LIVE);
	CHECK(stacks__total(stacks, FLAME_LIVE).samples == 0);
	for (uint64_t i = 0; i < 10000; i++)
		REQUIRE(stacks__enter(stacks, a, "g", i) != STACKS_FAILED);
	CHECK(stacks__enter(stacks, main_stack, "f", 0x20) == a);
	CHECK(!strcmp(stacks__frame(stacks, a)->name, "f") &&
	      stacks__frame(stacks, a)->caller == main_stack);
	stacks__free(stacks);
}
