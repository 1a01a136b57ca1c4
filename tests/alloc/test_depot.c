/* SPDX-License-Identifier: MIT */
/* The depot keeps the magazines that are wanted, and no more. */
#include "alloc/depot.h"
#include "alloc/span.h"
#include "alloc/size_class.h"
#include "alloc/tally.h"
#include "tests/alloc/support.h"
#include "tests/harness.h"

enum { CLASS = 20, BLOCKS = 30 };

static struct magazine *full_magazine(void)
{
	struct magazine *magazine = depot_take_empty(CLASS, BLOCKS);
	size_t fresh = 0;
	magazine->count = (uint32_t)span_fill(CLASS, magazine->cells, BLOCKS, &fresh);
	return magazine;
}

/* As many threads as that ran empty. */
static void want(unsigned n)
{
	while (n--)
		CHECK(depot_take(CLASS) == NULL);
}

/* Last in, first out; gauges follow; blocks come back untouched. */
TEST(depot_exchange)
{
	support_init();
	depot_trim(true);
	CHECK(depot_take(CLASS) == NULL);
	want(1);
	struct magazine *a = full_magazine(), *b = full_magazine();
	depot_give(CLASS, a);
	depot_give(CLASS, b);
	CHECK(tally_process.memory.depot_blocks[CLASS] == 2 * BLOCKS);
	CHECK(depot_take(CLASS) == b);
	CHECK(depot_take(CLASS) == a);
	CHECK(depot_take(CLASS) == NULL);
	CHECK(tally_process.memory.depot_blocks[CLASS] == 0);
	depot_give(CLASS, a);
	depot_give(CLASS, b);
	depot_trim(true);
	CHECK(tally_process.memory.depot_blocks[CLASS] == 0);
}

/* A magazine without blocks is none that anybody could take. */
TEST(depot_takes_no_empty_magazine_as_full)
{
	support_init();
	depot_trim(true);
	want(1);
	struct magazine *magazine = depot_take_empty(CLASS, BLOCKS);
	depot_give(CLASS, magazine);
	CHECK(depot_take(CLASS) == NULL);
	CHECK(depot_take_empty(CLASS, BLOCKS) == magazine);
	depot_give_empty(CLASS, magazine);
}

/* Nobody ran empty: what is given goes on to the spans at
 * once. Wants are forgotten in two periods. */
TEST(depot_keeps_what_is_wanted)
{
	support_init();
	depot_trim(true);
	depot_trim(true);
	CHECK(!depot_wants(CLASS));
	depot_give(CLASS, full_magazine());
	CHECK(tally_process.memory.depot_blocks[CLASS] == 0);
	want(2);
	for (int i = 0; i < 4; i++) {
		CHECK(depot_wants(CLASS) == (i < 2));
		depot_give(CLASS, full_magazine());
	}
	CHECK(tally_process.memory.depot_blocks[CLASS] == 2 * BLOCKS);
	depot_trim(true);
	CHECK(depot_wants(CLASS));
	depot_trim(true);
	CHECK(!depot_wants(CLASS));
}

/* What was in use during a period stays; what was not goes at its end. */
TEST(depot_working_set)
{
	support_init();
	depot_trim(true);
	want(4);
	for (int i = 0; i < 4; i++)
		depot_give(CLASS, full_magazine());
	depot_trim(false); /* they came in this period, when the depot was empty: needed so far */
	CHECK(tally_process.memory.depot_blocks[CLASS] == 4 * BLOCKS);
	struct magazine *one = depot_take(CLASS);
	depot_give(CLASS, one); /* one of four was needed in this period */
	depot_trim(false);
	CHECK(tally_process.memory.depot_blocks[CLASS] == 1 * BLOCKS);
	depot_trim(false);
	CHECK(tally_process.memory.depot_blocks[CLASS] == 0);
}

/* The depot of a class holds so many bytes and no more, and all together a share of the heap. */
TEST(depot_limit)
{
	support_init();
	depot_trim(true);
	size_t bytes = 0, most = 0;
	want(2000);
	for (int i = 0; i < 2000; i++) {
		depot_give(CLASS, full_magazine());
		bytes = tally_process.memory.depot_blocks[CLASS] * size_class_size(CLASS);
		most = bytes > most ? bytes : most;
	}
	CHECK(most <= 4 << 20);
	CHECK(most >= 1 << 19);
	CHECK(most <= (4 << 20) + (support_arenas().span_bytes + most) / 8);
	depot_trim(true);
	CHECK(tally_process.memory.depot_blocks[CLASS] == 0);
}

TEST(depot_empty_magazines)
{
	support_init();
	struct magazine *a = depot_take_empty(CLASS, 14), *b = depot_take_empty(CLASS, 254);
	REQUIRE(a && b);
	CHECK(a->capacity == 14 && a->count == 0);
	CHECK(b->capacity == 254 && b->count == 0);
	depot_give_empty(CLASS, b);
	CHECK(depot_take_empty(CLASS, 254) == b);
	depot_give_empty(CLASS, a);
	depot_give_empty(CLASS, b);
}
