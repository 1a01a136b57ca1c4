/* SPDX-License-Identifier: MIT */
/* The window: a place is found between obstacles, however they lie. */
#include "alloc/window.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "alloc/arena.h"
#include "alloc/os.h"
#include "tests/alloc/support.h"
#include "tests/harness.h"

static void *at(uint32_t index)
{
	return (void *)((uintptr_t)index << ARENA_SHIFT);
}

/* Takes what is free of that range. */
static void reserve(uintptr_t from, uintptr_t to)
{
	void *p = mmap((void *)from, to - from, PROT_NONE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (p == (void *)from || to - from <= ARENA_SIZE)
		return;
	uintptr_t middle = from + (to - from) / 2 / ARENA_SIZE * ARENA_SIZE;
	reserve(from, middle);
	reserve(middle, to);
}

/* Places are mapped where they are said to be, do not overlap, and lie in the window. */
TEST(window_places)
{
	support_init();
	enum { N = 40 };
	uint32_t places[N];
	for (int i = 0; i < N; i++) {
		REQUIRE(window_take(PAGE_SIZE, ARENA_SIZE / (1 + (size_t)i % 3), &places[i]) == 0);
		CHECK(places[i] < WINDOW_ARENAS);
		((volatile char *)at(places[i]))[PAGE_SIZE] = 1;
		for (int k = 0; k < i; k++)
			CHECK(places[k] != places[i]);
	}
	for (int i = 0; i < N; i++)
		os_unmap((char *)at(places[i]) + PAGE_SIZE, ARENA_SIZE - PAGE_SIZE);
}

static void take_thirty(uintptr_t from, uintptr_t to)
{
	for (int i = 0; i < 30; i++) {
		uint32_t index;
		if (window_take(0, ARENA_SIZE, &index) || (uintptr_t)at(index) - from < to - from)
			abort();
	}
}

static void meet_obstacles(void *unused)
{
	uint32_t first;
	(void)unused;
	if (window_take(0, ARENA_SIZE, &first))
		abort();
	uintptr_t above = (uintptr_t)at(first) + 8 * (uintptr_t)ARENA_SIZE;
	uintptr_t below = (uintptr_t)at(first) - 300 * (uintptr_t)ARENA_SIZE;
	reserve(above, WINDOW_BYTES);
	take_thirty(above, WINDOW_BYTES);
	reserve(below, (uintptr_t)at(first));
	take_thirty(below, (uintptr_t)at(first));
	reserve((uintptr_t)4 << 30, WINDOW_BYTES);
	if (window_take(0, ARENA_SIZE, &first) != -EEXIST)
		abort();
	/* a gap that no step of any search meets is found, too, when it is looked again */
	support_clock_step(1000000000);
	munmap(at(20000), 2 * (size_t)ARENA_SIZE);
	if (window_take(0, ARENA_SIZE, &first) || first < 20000 || first > 20001)
		abort();
}

/* Whatever lies above, and then below too, a place is found while there is one. */
TEST(window_obstacles)
{
	support_init();
	char text[100];
	CHECK(support_in_child(meet_obstacles, NULL, text, sizeof(text)) == 0);
}

/* Why the kernel refuses is told, and is no obstacle. */
TEST(window_without_memory)
{
	support_init();
	uint32_t index, again;
	support_fail_maps(0);
	CHECK(window_take(0, ARENA_SIZE, &index) == -ENOMEM);
	support_fail_maps(-1);
	REQUIRE(window_take(0, ARENA_SIZE, &index) == 0);
	os_unmap(at(index), ARENA_SIZE);
	REQUIRE(window_take(0, ARENA_SIZE, &again) == 0);
	os_unmap(at(again), ARENA_SIZE);
}
