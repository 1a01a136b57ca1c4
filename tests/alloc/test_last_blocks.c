/* SPDX-License-Identifier: MIT */
/* The last blocks of a class, when there are no more to come: none is lost, none comes twice. */
#include "alloc/alloc.h"
#include "alloc/decay.h"
#include "alloc/tcache.h"
#include "tests/alloc/support.h"
#include "tests/harness.h"

enum { SIZE = 1000, MOST = 100000 };

static uint64_t **blocks;
static size_t count;

static bool take_one(void)
{
	uint64_t *block = count < MOST ? alloc_malloc(SIZE) : NULL;
	if (!block)
		return false;
	*block = count;
	blocks[count++] = block;
	return true;
}

static void give_one(void)
{
	alloc_free(blocks[--count]);
}

static size_t wrong_blocks(void)
{
	size_t wrong = 0;
	for (size_t i = 0; i < count; i++)
		wrong += *blocks[i] != i;
	return wrong;
}

/*
 * Some are freed while others are allocated, so that there still are some in stock when the credit
 * is used up and the spans have fewer than are wanted.
 */
TEST(last_blocks_with_some_in_stock)
{
	support_init();
	blocks = alloc_malloc(MOST * sizeof(*blocks));
	REQUIRE(blocks != NULL);
	for (unsigned back = 1; back < 30; back += 4) {
		for (int i = 0; i < 3000; i++)
			take_one();
		support_fail_maps(0);
		bool more = true;
		while (more) {
			for (unsigned i = 0; i < 2 * back && more; i++)
				more = take_one();
			for (unsigned i = 0; i < back && more; i++)
				give_one();
		}
		support_fail_maps(-1);
		CHECK(wrong_blocks() == 0);
		while (count)
			give_one();
		tcache_flush_all(tcache_self);
		decay_now();
	}
	alloc_free(blocks);
}
