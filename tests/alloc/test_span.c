/* SPDX-License-Identifier: MIT */
/* Spans: blocks are carved, given back, and wrong ones refused. */
#include "alloc/address_map.h"
#include "alloc/arena.h"
#include "alloc/decay.h"
#include "alloc/os.h"
#include "alloc/size_class.h"
#include "alloc/span.h"
#include "alloc/tally.h"
#include "tests/alloc/support.h"
#include "tests/harness.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

static int by_address(const void *a, const void *b)
{
	uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
	return (x > y) - (x < y);
}

/* Blocks of every class: distinct, not overlapping, aligned, known to the address map. */
TEST(span_fill_gives_blocks)
{
	support_init();
	enum { N = 3000 };
	static void *cells[N];
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c += 3) {
		size_t size = size_class_size(c), fresh = 0, n = min_size(N, (8 << 20) / size);
		REQUIRE(span_fill(c, cells, n, &fresh) == n);
		CHECK(fresh <= n);
		size_t bad = 0, natural = size & -size;
		for (size_t i = 0; i < n; i++) {
			bad += address_map_class(cells[i]) != c;
			bad += (uintptr_t)cells[i] % (natural > 4096 ? 4096 : natural) != 0;
			memset(cells[i], (int)i, size);
		}
		qsort(cells, n, sizeof(*cells), by_address);
		for (size_t i = 1; i < n; i++)
			bad += (char *)cells[i] - (char *)cells[i - 1] < (ptrdiff_t)size;
		CHECK(bad == 0);
		span_drain(c, cells, n);
	}
}

/* Fresh blocks come in ascending order from the last cell (popped first) on, wrapping once. */
TEST(span_fill_order)
{
	support_init();
	enum { CLASS = 77, N = 10, MOST = 100000 }; /* any span has more than N */
	static void *cells[MOST];
	size_t fresh = 0, wraps = 0, n = tally_process.memory.span_free[CLASS];
	REQUIRE(n + N <= MOST);
	REQUIRE(span_fill(CLASS, cells, n + N, &fresh) == n + N); /* the first N: of a new span */
	for (int i = 1; i < N; i++)
		wraps += (uintptr_t)cells[i] > (uintptr_t)cells[i - 1];
	CHECK(fresh >= N);
	CHECK(wraps <= 1);
	span_drain(CLASS, cells, n + N);
}

/* The blocks that spans hand out first are spread over the
 * sets of a cache, not crowded in a few. */
TEST(span_first_blocks_are_spread)
{
	support_init();
	enum { SETS = 16 };
	static void *cells[HAK_CLASS_COUNT];
	unsigned in_set[SETS] = {0}, most = 0, n = 0;
	size_t fresh = 0;
	for (unsigned c = 1; c <= 64; c++)
		n += (unsigned)span_fill(c, &cells[c], 1, &fresh);
	for (unsigned c = 1; c <= 64; c++) {
		unsigned set = (unsigned)((uintptr_t)cells[c] / (GRANULE_SIZE / SETS)) % SETS;
		most = ++in_set[set] > most ? in_set[set] : most;
		span_drain(c, &cells[c], 1);
	}
	CHECK(n == 64);
	CHECK(most <= 64 / SETS * 4);
}

/* All blocks back: the spans are given up but for one, and the gauges say so. */
TEST(span_release)
{
	support_init();
	enum { N = 20000, CLASS = 9 };
	static void *cells[N];
	size_t fresh = 0;
	uint64_t before = support_arenas().span_bytes;
	uint64_t free_before = tally_process.memory.span_free[CLASS];
	REQUIRE(span_fill(CLASS, cells, N, &fresh) == N);
	CHECK(support_arenas().span_bytes >=
	      before + N * size_class_size(CLASS) - 2 * GRANULE_SIZE);
	span_drain(CLASS, cells, N);
	CHECK(support_arenas().span_bytes <= before + GRANULE_SIZE);
	CHECK((tally_process.memory.span_free[CLASS] - free_before) * size_class_size(CLASS) <=
	      GRANULE_SIZE);
}

TEST(span_without_memory)
{
	support_init();
	enum { N = 100000 };
	static void *cells[N];
	size_t fresh = 0;
	support_fail_maps(0);
	size_t n = span_fill(104, cells, N, &fresh);
	support_fail_maps(-1);
	CHECK(n < N);
	size_t bad = 0;
	for (size_t i = 0; i < n; i++)
		bad += address_map_class(cells[i]) != 104;
	CHECK(bad == 0);
	span_drain(104, cells, n);
}

static void drain_twice(void *p)
{
	span_drain(5, &p, 1);
	span_drain(5, &p, 1);
}

static void drain_inside(void *p)
{
	p = (char *)p + 16;
	span_drain(5, &p, 1);
}

static void drain_as_other_class(void *p)
{
	span_drain(6, &p, 1);
}

TEST(span_reports_misuse)
{
	support_init();
	void *p[2];
	size_t fresh = 0;
	char text[500];
	REQUIRE(span_fill(5, p, 2, &fresh) == 2);
	int status = support_in_child(drain_twice, p[0], text, sizeof(text));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	CHECK(strstr(text, "hakmem: double free of 0x") == text &&
	      strstr(text, "(size class 80)\n"));
	status = support_in_child(drain_inside, p[0], text, sizeof(text));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	CHECK(strstr(text, "not the start of a block") != NULL);
	status = support_in_child(drain_as_other_class, p[0], text, sizeof(text));
	CHECK(WIFSIGNALED(status) && strstr(text, "memory that is not allocated") != NULL);
	span_drain(5, p, 2);
}

/* Sampled blocks are of class 0 in the map, and their span knows the class. */
TEST(span_sampled)
{
	support_init();
	void *p = span_take_sampled(12);
	REQUIRE(p != NULL);
	CHECK(address_map_class(p) == 0);
	struct span *span = arena_span_of(p);
	REQUIRE(span != NULL);
	CHECK(span->kind == SPAN_SAMPLED && span->class == 12);
	memset(p, 1, size_class_size(12));
	span_give_sampled(span, p);
}

/* Pages of the blocks that are there, though nobody has written to them. */
static size_t count_pages(void *const *blocks, size_t n)
{
	size_t pages = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char there = 0;
		void *page = (void *)((uintptr_t)blocks[i] & ~(uintptr_t)(PAGE_SIZE - 1));
		mincore(page, 1, &there);
		pages += there & 1;
	}
	return pages;
}

/* A class that grows has its next pages made together, and they read as zero. */
TEST(span_pages_are_made_ahead)
{
	support_init();
	enum { CLASS = 88, N = 512, AT_A_TIME = 4 }; /* of 8 KiB: a page or two each */
	static void *cells[N];
	size_t fresh = 0;
	void *page =
	        mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool known = !os_populate(page, PAGE_SIZE);
	munmap(page, PAGE_SIZE);
	if (!known)
		SKIP("the kernel has no MADV_POPULATE_WRITE");
	REQUIRE(size_class_size(CLASS) == 8192);
	decay_now(); /* spans are made of clean granules */
	for (int i = 0; i < N; i += AT_A_TIME)
		REQUIRE(span_fill(CLASS, cells + i, AT_A_TIME, &fresh) == AT_A_TIME);
	CHECK(fresh == N);
	CHECK(count_pages(cells + N / 2, N / 2) > N / 4);
	memset(cells[N - 1], 7, 8192);
	for (int i = 0; i < N; i++)
		CHECK(i == N - 1 || ((char *)cells[i])[8191] == 0);
	span_drain(CLASS, cells, N);
}

/* Bytes of drained blocks that are still there, on pages where no block is out. */
static size_t left_on_free_pages(char *const *blocks, size_t n, size_t size)
{
	size_t left = 0;
	for (size_t i = 0; i + 1 < n; i++) {
		char *page = (char *)round_up((uintptr_t)blocks[i] + size, PAGE_SIZE);
		bool same_span = arena_class_span(blocks[i]) == arena_class_span(blocks[i + 1]);
		if (same_span && page + PAGE_SIZE <= blocks[i + 1])
			for (size_t at = 0; at < PAGE_SIZE; at += size)
				left += page[at] != 0;
	}
	return left;
}

/* Free pages of spans in use go back to the OS, those that have been quiet for long enough; what is
 * out keeps its contents. */
TEST(span_purges_free_pages)
{
	support_init();
	enum { CLASS = 23, N = 1800, EVERY = 90 };
	static void *cells[N], *drained[N];
	static char *kept[N / EVERY];
	size_t fresh = 0, size = size_class_size(CLASS), n = 0, out = 0, bad = 0;
	span_purge(true);
	REQUIRE(span_fill(CLASS, cells, N, &fresh) == N);
	qsort(cells, N, sizeof(*cells), by_address);
	for (int i = 0; i < N; i++) {
		memset(cells[i], 0x5a, size);
		if (i % EVERY)
			drained[n++] = cells[i];
		else
			kept[out++] = cells[i];
	}
	span_drain(CLASS, drained, n);
	uint64_t before = support_arenas().purged_bytes;
	span_purge(false);
	CHECK(support_arenas().purged_bytes == before);
	CHECK(left_on_free_pages(kept, out, size) > 0);
	span_purge(false);
	CHECK(support_arenas().purged_bytes > before);
	CHECK(left_on_free_pages(kept, out, size) == 0);
	before = support_arenas().purged_bytes;
	span_purge(false);
	span_purge(false);
	CHECK(support_arenas().purged_bytes == before);
	for (size_t i = 0; i < out; i++)
		for (size_t at = 0; at < size; at++)
			bad += kept[i][at] != 0x5a;
	CHECK(bad == 0);
	REQUIRE(span_fill(CLASS, drained, n, &fresh) == n);
	for (size_t i = 0; i < n; i++)
		memset(drained[i], 0x33, size);
	for (size_t i = 0; i < out; i++)
		bad += kept[i][0] != 0x5a || kept[i][size - 1] != 0x5a;
	CHECK(bad == 0);
	span_drain(CLASS, drained, n);
	span_drain(CLASS, (void **)kept, out);
}
