/* SPDX-License-Identifier: MIT */
/* What an arena's header says of its runs: what planted faults showed to be looked at by nobody. */
#include "alloc/arena.h"
#include "tests/alloc/support.h"
#include "tests/harness.h"

#include <string.h>

/* Any address in a run leads to it, also where the run has grown. */
TEST(arena_runs_are_found_from_inside)
{
	support_init();
	bool zeroed;
	struct span *span = arena_take_growing(3, SPAN_LARGE, &zeroed);
	REQUIRE(span != NULL);
	REQUIRE(arena_resize(span, 6));
	for (unsigned i = 0; i < 6; i++)
		CHECK(arena_span_of(span_base(span) + i * GRANULE_SIZE + 100) == span);
	REQUIRE(arena_resize(span, 2));
	CHECK(arena_span_of(span_base(span) + GRANULE_SIZE) == span);
	CHECK(arena_span_of(span_base(span) + 2 * GRANULE_SIZE) == NULL);
	arena_give(span);
}

static unsigned units_in_use(const struct arena *arena)
{
	unsigned count = 0;
	for (unsigned i = 0; i < GRANULE_UNITS; i++)
		count += (unsigned)__builtin_popcountll(arena->units[i]);
	return count;
}

/* The bits of a span that is given back are free again. */
TEST(arena_bits_are_given_back)
{
	support_init();
	bool zeroed;
	struct span *span = arena_take(2, SPAN_CLASS, &zeroed);
	REQUIRE(span != NULL);
	const struct arena *arena = arena_of(span);
	unsigned before = units_in_use(arena);
	for (unsigned blocks = 1; blocks <= GRANULE_BLOCKS_MAX; blocks *= 2) {
		arena_take_bits(span, blocks);
		CHECK(units_in_use(arena) > before);
		arena_give_bits(span);
		CHECK(units_in_use(arena) == before);
	}
	arena_give(span);
}

/* Where the kernel does not take memory back, what it holds is still there. */
TEST(arena_purge_that_is_refused)
{
	support_init();
	enum { GRANULES = 40 };
	bool zeroed;
	size_t bad = 0;
	arena_purge(true);
	struct span *span = arena_take(GRANULES, SPAN_LARGE, &zeroed);
	REQUIRE(span != NULL);
	const char *bytes = span_base(span);
	memset(span_base(span), 1, span_bytes(span));
	arena_give(span);
	support_fail_purges(0);
	arena_purge(true);
	support_fail_purges(-1);
	span = arena_take(GRANULES, SPAN_LARGE, &zeroed);
	REQUIRE(span != NULL);
	CHECK(span_base(span) == bytes);
	for (size_t i = 0; zeroed && i < span_bytes(span); i += PAGE_SIZE)
		bad += bytes[i] != 0;
	CHECK(bad == 0);
	arena_give(span);
	arena_purge(true);
}
