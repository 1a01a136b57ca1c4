/* SPDX-License-Identifier: MIT */
/* Spans at the edges of their states: what planted faults showed to be looked at by nobody. */
#include "alloc/address_map.h"
#include "alloc/alloc.h"
#include "alloc/arena.h"
#include "alloc/conf.h"
#include "alloc/size_class.h"
#include "alloc/span.h"
#include "tests/alloc/support.h"
#include "tests/harness.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum { CLASS = 71, MOST = 2048 };

static void *cells[MOST];

/* All blocks of a span that nobody else has one of; returns it. */
static struct span *take_whole_span(size_t *n)
{
	size_t fresh = 0;
	struct span *span = NULL;
	do { /* what is partly free first */
		REQUIRE(span_fill(CLASS, cells, 1, &fresh) == 1);
		span = arena_class_span(cells[0]);
	} while (span->carved != 1 || span->free);
	*n = span->capacity;
	REQUIRE(*n <= MOST && span_fill(CLASS, cells + 1, *n - 1, &fresh) == *n - 1);
	return span;
}

/* A span all of whose blocks are out is used again when the first comes back. */
TEST(span_is_used_again)
{
	support_init();
	size_t n, fresh = 0;
	struct span *span = take_whole_span(&n);
	CHECK(!span->listed);
	for (size_t i = 0; i < n; i += n / 3) {
		void *p = NULL;
		span_drain(CLASS, &cells[i], 1);
		CHECK(span->listed && span->free == 1);
		CHECK(span_fill(CLASS, &p, 1, &fresh) == 1 && p == cells[i]);
		CHECK(!span->listed && span->free == 0);
	}
	CHECK(fresh == 0);
	span_drain(CLASS, cells, n);
}

static void drain_one(void *p)
{
	span_drain(CLASS, &p, 1);
}

/* The block behind the last one that was handed out was not. */
TEST(span_knows_what_was_never_handed_out)
{
	support_init();
	char text[500];
	size_t fresh = 0, size = size_class_size(CLASS);
	struct span *span;
	do {
		REQUIRE(span_fill(CLASS, cells, 1, &fresh) == 1);
		span = arena_class_span(cells[0]);
	} while (span->carved != 1 || span->free ||
	         (char *)cells[0] + 2 * size > span_base(span) + span_bytes(span));
	int status = support_in_child(drain_one, (char *)cells[0] + size, text, sizeof(text));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	CHECK(strstr(text, "memory that is not allocated") != NULL);
	if (span->first) {
		status = support_in_child(drain_one, (char *)cells[0] - size, text, sizeof(text));
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	}
	span_drain(CLASS, cells, 1);
}

/* Sampled blocks stay among themselves, also when their span was used up or comes to be empty. */
TEST(span_sampled_blocks_stay_apart)
{
	support_init();
	size_t fresh = 0;
	cells[0] = span_take_sampled(CLASS);
	REQUIRE(cells[0] != NULL);
	struct span *span = arena_span_of(cells[0]);
	size_t n = span->capacity;
	for (size_t i = 1; i < n; i++)
		REQUIRE((cells[i] = span_take_sampled(CLASS)) != NULL);
	for (size_t i = 0; i < n; i++)
		span_give_sampled(arena_span_of(cells[i]), cells[i]);
	REQUIRE(span_fill(CLASS, cells, n, &fresh) == n);
	for (size_t i = 0; i < n; i++)
		CHECK(address_map_class(cells[i]) == CLASS);
	span_drain(CLASS, cells, n);
}

#if HAK_PROBES
/* Who watches hears of a free before anybody else can be given the block. */
TEST(sampled_block_is_not_free_when_its_probe_fires)
{
	support_init();
	void *p = span_take_sampled(CLASS), *q = span_take_sampled(CLASS);
	REQUIRE(p != NULL && q != NULL);
	uint64_t freed = support_probes.freed, before = arena_span_of(p)->free;
	support_sample(true);
	alloc_free(p);
	support_sample(false);
	CHECK(support_probes.freed == freed + 1);
	CHECK(support_probes.free_at_freed == before);
	alloc_free(q);
}
#endif

static void write_behind(void *p)
{
	((volatile char *)p)[alloc_usable_size(p)] = 1;
}

/* What is behind a huge block is nobody's. */
TEST(huge_block_has_a_barrier)
{
	support_init();
	char text[200];
	void *p = alloc_malloc(LARGE_MAX + 1);
	REQUIRE(p != NULL);
	int status = support_in_child(write_behind, p, text, sizeof(text));
	CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) || (SUPPORT_TSAN && status));
	alloc_free(p);
}
