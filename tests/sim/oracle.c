/* SPDX-License-Identifier: MIT */
/*
 * The oracle: every live block, what is in it, which bytes are taken, and how often was called
 * what.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/alloc.h"
#include "alloc/arena.h"
#include "alloc/conf.h"
#include "alloc/guard.h"
#include "alloc/tally.h"
#include "tests/sim/sim.h"

enum {
	BLOCKS = 1 << 17,
	WHOLE = 2048, /* blocks up to this size are filled, of larger ones some places */
	EDGE = 64,
	PLACES = 6,
	ZEROED_WHOLE = 128 * 1024,
	ZEROED_STEP = 256,
	OUTSIDE = 1 << 15,
	SHADE_WORDS = GRANULE_SIZE / ALIGN_MIN / 64,
};

static struct block blocks[BLOCKS];
struct block *oracle_blocks = blocks;
size_t oracle_count, oracle_bytes;

static struct tally_sum sum, lost; /* what was called; of it, what a dead thread has not told */
static uint32_t tags;

/* --- which bytes are taken ----------------------------------------------------------------- */

struct shade {
	uint64_t bits[SHADE_WORDS]; /* a bit for each 16 bytes of a granule */
};

static struct shade *shades[WINDOW_GRANULES];

struct range {
	uintptr_t start, end;
};

static struct range outside[OUTSIDE]; /* taken, beyond the window; by address */
static size_t outside_count;

static struct shade *shade_of(uintptr_t p)
{
	struct shade **shade = &shades[p >> GRANULE_SHIFT];
	if (!*shade)
		*shade = calloc(1, sizeof(**shade));
	return *shade;
}

static uint64_t mask_of(unsigned first, unsigned n)
{
	return (n == 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1) << first;
}

static void shade_window(const struct block *block, bool taken)
{
	uintptr_t at = (uintptr_t)block->p, end = at + block->usable;
	while (at < end) {
		struct shade *shade = shade_of(at);
		unsigned bit = (unsigned)(at % GRANULE_SIZE / ALIGN_MIN);
		size_t left = (end - at + ALIGN_MIN - 1) / ALIGN_MIN;
		unsigned n = left < 64 - bit % 64 ? (unsigned)left : 64 - bit % 64;
		uint64_t mask = mask_of(bit % 64, n), *word = &shade->bits[bit / 64];
		if (taken && *word & mask)
			sim_fail("block %p of %zu bytes overlaps a live one at %lx",
			         (void *)block->p, block->n, at);
		*word = taken ? *word | mask : *word & ~mask;
		at += (uintptr_t)n * ALIGN_MIN;
	}
}

/* The first range that ends behind `at`. */
static struct range *range_from(uintptr_t at)
{
	size_t low = 0, high = outside_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (outside[middle].end <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return &outside[low];
}

static void shade_outside(const struct block *block, bool taken)
{
	uintptr_t start = (uintptr_t)block->p, end = start + (block->usable ? block->usable : 1);
	struct range *at = range_from(start);
	size_t behind = (size_t)(&outside[outside_count] - at);
	if (!taken) {
		sim_check(behind && at->start == start);
		memmove(at, at + 1, (behind - 1) * sizeof(*at));
		outside_count--;
		return;
	}
	if (behind && at->start < end)
		sim_fail("block %p of %zu bytes overlaps %lx", (void *)block->p, block->n,
		         at->start);
	sim_check(outside_count < OUTSIDE);
	memmove(at + 1, at, behind * sizeof(*at));
	*at = (struct range){start, end};
	outside_count++;
}

static void shade(const struct block *block, bool taken)
{
	if ((uintptr_t)block->p < WINDOW_BYTES)
		shade_window(block, taken);
	else
		shade_outside(block, taken);
}

/* --- what is in them ----------------------------------------------------------------------- */

static uint64_t word_at(uint32_t tag, size_t i)
{
	return (tag + 1) * 0x9e3779b97f4a7c15u ^ i * 0xd1b54a32d192ed03u;
}

/* Writes, or compares, bytes from .. to of a block, of which only those below `limit` exist. */
static void pattern(char *p, uint32_t tag, size_t from, size_t to, bool write, size_t limit)
{
	to = to < limit ? to : limit;
	for (size_t i = from & ~(size_t)7; i < to; i += 8) {
		uint64_t word = word_at(tag, i / 8);
		size_t n = to - i < 8 ? to - i : 8;
		if (write)
			memcpy(p + i, &word, n);
		else if (memcmp(p + i, &word, n) != 0)
			sim_fail("block %p was changed at byte %zu by somebody else", (void *)p, i);
	}
}

static void all_patterns(const struct block *block, bool write, size_t limit)
{
	size_t n = block->n;
	if (n <= WHOLE) {
		pattern(block->p, block->tag, 0, n, write, limit);
		return;
	}
	pattern(block->p, block->tag, 0, EDGE, write, limit);
	for (size_t k = 1; k < PLACES; k++) {
		size_t at = n / PLACES * k & ~(size_t)(ZEROED_STEP - 1);
		if (at >= EDGE && at + EDGE < n)
			pattern(block->p, block->tag, at, at + 8, write, limit);
	}
	pattern(block->p, block->tag, n - EDGE, n, write, limit);
}

void oracle_check_block(const struct block *block)
{
	all_patterns(block, false, block->n);
}

static void check_zeroed(const char *p, size_t n)
{
	size_t step = n <= ZEROED_WHOLE ? 1 : ZEROED_STEP;
	static const char zeros[4096];
	for (size_t i = 0; step == 1 && i < n; i += sizeof(zeros))
		if (memcmp(p + i, zeros, n - i < sizeof(zeros) ? n - i : sizeof(zeros)) != 0)
			sim_fail("calloc(%zu): %p is not zero", n, (const void *)p);
	for (size_t i = 0; step > 1 && i < n; i += step)
		if (p[i])
			sim_fail("calloc(%zu): %p is not zero at %zu", n, (const void *)p, i);
}

/* --- the books ----------------------------------------------------------------------------- */

/* The class under which a block is counted, 0 for large ones. */
static unsigned class_of(const void *p)
{
	unsigned class = address_map_class(p);
	if (class)
		return class;
	if (guard_owns(p)) {
		struct guarded guarded;
		guard_find(p, &guarded);
		return guarded.class;
	}
	const struct span *span = arena_span_of(p);
	return span && span->kind == SPAN_SAMPLED ? span->class : 0;
}

static void say(const char *what, const void *p, size_t n)
{
	if (sim_verbose)
		printf("      step %llu thread %u: %s %p, %zu bytes\n",
		       (unsigned long long)sim_step, sim_self->index, what, p, n);
}

static void put(const struct block *block)
{
	shade(block, true);
	sim_check(oracle_count < BLOCKS);
	blocks[oracle_count++] = *block;
	oracle_bytes += block->usable;
}

static void enter(void *p, size_t n)
{
	struct block block = {.p = p, .n = n, .tag = ++tags};
	block.usable = alloc_usable_size(p);
	block.class = (uint8_t)class_of(p);
	block.owner = (uint8_t)sim_self->index;
	if (block.usable < n)
		sim_fail("block %p has %zu usable bytes, %zu were asked for", p, block.usable, n);
	say("has", p, n);
	put(&block);
	all_patterns(&block, true, n);
	walk_found(p);
}

static bool may_be_none(size_t n)
{
	return n > (size_t)PTRDIFF_MAX - (1 << 20) || sim_self->refused;
}

void oracle_add(void *p, size_t n, size_t align, bool zeroed)
{
	if (!p) {
		if (!may_be_none(n))
			sim_fail("no memory for %zu bytes although the kernel refused nothing", n);
		return;
	}
	if ((uintptr_t)p % align)
		sim_fail("block %p of %zu bytes is not aligned to %zu", p, n, align);
	if (zeroed)
		check_zeroed(p, n);
	enter(p, n);
	const struct block *block = &blocks[oracle_count - 1];
	sum.mallocs[block->class]++;
	sum.large_bytes += block->class ? 0 : block->usable;
}

struct block oracle_take(size_t i)
{
	struct block block = blocks[i];
	say("frees or reallocs", block.p, block.n);
	oracle_check_block(&block);
	blocks[i] = blocks[--oracle_count];
	oracle_bytes -= block.usable;
	if (alloc_usable_size(block.p) != block.usable)
		sim_fail("block %p has changed its usable size", (void *)block.p);
	shade(&block, false);
	return block;
}

void oracle_put_back(const struct block *block)
{
	oracle_check_block(block);
	put(block);
}

void oracle_count_free(const struct block *block)
{
	sum.frees[block->class]++;
	sum.large_freed += block->class ? 0 : block->usable;
}

void oracle_count_foreign(void)
{
	sum.mallocs[0]++;
	sum.frees[0]++;
}

void oracle_realloced(const struct block *old, void *p, size_t n)
{
	if (!n && !p) {
		oracle_count_free(old);
		return;
	}
	if (!p) {
		if (!may_be_none(n))
			sim_fail("realloc to %zu bytes: none although nothing was refused", n);
		if (n <= old->usable && sim_allowed & ALLOW_SHRINK)
			sim_fail("realloc from %zu to %zu bytes fails", old->n, n);
		oracle_put_back(old);
		return;
	}
	all_patterns(&(struct block){.p = p, .n = old->n, .tag = old->tag}, false,
	             n < old->n ? n : old->n);
	enter(p, n);
	const struct block *now = &blocks[oracle_count - 1];
	bool stayed = p == old->p && now->class == old->class && now->usable == old->usable;
	if (stayed)
		return;
	oracle_count_free(old);
	sum.mallocs[now->class]++;
	sum.large_bytes += now->class ? 0 : now->usable;
}

/* --- counts -------------------------------------------------------------------------------- */

void oracle_lose_counts(const struct thread *thread, const struct hak_slot *slots)
{
	for (unsigned c = 0; c < HAK_CLASS_COUNT; c++) {
		const struct hak_class_record *record = &thread->record.classes[c];
		int64_t credit = slots[c].credit > 0 ? slots[c].credit : 0;
		int64_t used = record->granted - credit;
		int64_t depth = (int64_t)(slots[c].top - slots[c].base) / 8;
		lost.mallocs[c] += (uint64_t)used;
		lost.frees[c] += (uint64_t)(depth - record->mark + used);
	}
}

static void check_count(const char *what, unsigned class, uint64_t got, uint64_t want,
                        uint64_t missing)
{
	if (run_lenient)
		return;
	if (got > want || got + missing < want)
		sim_fail("%s of class %u: %llu counted, %llu (less up to %llu) true", what, class,
		         (unsigned long long)got, (unsigned long long)want,
		         (unsigned long long)missing);
}

/* Credit was taken away from a thread without a barrier: it says how much it was when it looks. */
static bool is_unsettled(unsigned class)
{
	for (unsigned i = 0; i < sim_plan->threads; i++)
		if (sim_threads[i].cache && sim_threads[i].cache->classes[class].revoked)
			return true;
	return false;
}

void oracle_check_counts(void)
{
	static struct tally_sum got, want;
	kernel_holds = true;
	tally_sum(&got);
	kernel_holds = false;
	want = sum;
	for (unsigned i = 0; i < sim_plan->threads; i++) {
		const struct cut *cut = &sim_threads[i].cut;
		want.mallocs[cut->class] += (uint64_t)cut->mallocs;
		want.frees[cut->class] += (uint64_t)cut->frees;
	}
	for (unsigned c = 0; c < HAK_CLASS_COUNT; c++) {
		if (is_unsettled(c))
			continue;
		check_count("mallocs", c, got.mallocs[c], want.mallocs[c], lost.mallocs[c]);
		check_count("frees", c, got.frees[c], want.frees[c], lost.frees[c]);
	}
	check_count("large bytes", 0, got.large_bytes, want.large_bytes, 0);
	check_count("large bytes freed", 0, got.large_freed, want.large_freed, 0);
}
