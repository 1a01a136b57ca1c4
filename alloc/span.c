/* SPDX-License-Identifier: MIT */
#include "span.h"

#include <string.h>

#include "address_map.h"
#include "arena.h"
#include "lock.h"
#include "misuse.h"
#include "probe.h"
#include "size_class.h"
#include "tally.h"

/* Spans of one class that have free blocks. Of those all of whose blocks are free one is kept,
 * aside and for when nothing else is left, so that a program which allocates and frees at a span's
 * boundary does not make and unmake it. */
struct bin {
	struct lock lock;
	struct span *head;  /* some blocks are free, some out */
	struct span *spare; /* all are free; not listed */
} __attribute__((aligned(64)));

static struct bin bins[HAK_CLASS_COUNT];
static struct bin sampled_bins[HAK_CLASS_COUNT];

static struct bin *bin_of(const struct span *span)
{
	return span->kind == SPAN_SAMPLED ? &sampled_bins[span->class] : &bins[span->class];
}

/* Blocks that sampled spans hold are few and not worth a gauge. */
static void gauge_free(unsigned class, enum span_kind kind, int64_t change)
{
	if (kind == SPAN_CLASS)
		gauge_add(tally_process.memory.span_free[class], (uint64_t)change);
}

static size_t span_available(const struct span *span)
{
	return (size_t)span->free + (span->capacity - span->carved);
}

static bool span_is_valid(const struct span *span)
{
	return span->class > 0 && span->class < HAK_CLASS_COUNT && span->carved <= span->capacity &&
	       span->free <= span->carved;
}

static void list_push(struct bin *bin, struct span *span)
{
	span->next = bin->head;
	span->prev = NULL;
	if (bin->head)
		bin->head->prev = span;
	gauge_set(bin->head, span);
	span->listed = 1;
}

static void list_remove(struct bin *bin, struct span *span)
{
	if (span->prev)
		span->prev->next = span->next;
	else
		gauge_set(bin->head, span->next);
	if (span->next)
		span->next->prev = span->prev;
	span->listed = 0;
}

static void *block_at(const struct span *span, unsigned i)
{
	return span_base(span) + span->first_offset + (size_t)i * size_class_size(span->class);
}

/* Tells whether block `i` was ever handed out; any `i`. */
static bool was_carved(const struct span *span, uint64_t i)
{
	if (i >= span->capacity)
		return false;
	return i + (i < span->first ? span->capacity : 0u) - span->first < span->carved;
}

/*
 * Where in a span carving begins. Spans start at multiples of 64 KiB and are seldom used up: if all
 * were carved from their first block on, the blocks in use would crowd into the same cache sets.
 * Golden ratio steps spread any number of consecutive spans evenly.
 */
static uint16_t first_block(uint16_t capacity)
{
	static uint32_t spans_made;
	uint32_t n = __atomic_add_fetch(&spans_made, 1, __ATOMIC_RELAXED);
	return (uint16_t)((uint64_t)(n * 0x9e3779b9u) * capacity >> 32);
}

/* Bin lock held. */
static struct span *span_new(struct bin *bin, unsigned class, enum span_kind kind)
{
	static uint8_t
	        colour[HAK_CLASS_COUNT]; /* a race with the sampled bin only changes a colour */
	const struct size_class *c = &size_classes[class];
	bool zeroed;
	struct span *span = arena_take(c->span_granules, kind, &zeroed);
	if (!span)
		return NULL;
	span->class = (uint8_t) class;
	span->first_offset = (uint32_t)(colour[class] % c->colours) * c->colour_step;
	colour[class]++;
	span->capacity = (uint16_t)((span_bytes(span) - span->first_offset) / c->size);
	span->first = first_block(span->capacity);
	span->carved = 0;
	span->free = 0;
	span->hint = 0;
	memset(span->bits, 0, ((size_t)span->capacity + 63) / 64 * sizeof(uint64_t));
	if (kind == SPAN_CLASS)
		address_map_set(span_base(span), span->granules, class);
	gauge_free(class, kind, span->capacity);
	list_push(bin, span);
	probe_hakmem_span_new(class, (uintptr_t)span_base(span), span_bytes(span));
	return span;
}

/* Bin lock held; the span is not listed and all its blocks are free. */
static void span_release(struct span *span)
{
	gauge_free(span->class, span->kind, -(int64_t)span->capacity);
	address_map_set(span_base(span), span->granules, 0);
	probe_hakmem_span_free(span->class, (uintptr_t)span_base(span), span_bytes(span));
	arena_give(span);
}

/* Bin lock held; the last block of a listed span came back. */
static void span_emptied(struct bin *bin, struct span *span)
{
	list_remove(bin, span);
	if (bin->spare)
		span_release(span);
	else
		gauge_set(bin->spare, span);
}

/* Bin lock held. A span that has free blocks, listed; NULL when there is no memory. */
static struct span *span_with_blocks(struct bin *bin, unsigned class, enum span_kind kind)
{
	if (bin->head)
		return bin->head;
	if (!bin->spare)
		return span_new(bin, class, kind);
	struct span *span = bin->spare;
	gauge_set(bin->spare, NULL);
	list_push(bin, span);
	return span;
}

/* Takes up to `want` freed blocks; cells are written downwards from `end`. */
static size_t take_freed(struct span *span, void **end, size_t want)
{
	size_t taken = 0;
	while (taken < want && span->free) {
		uint64_t bits = span->bits[span->hint];
		if (!bits) {
			span->hint++;
			continue;
		}
		unsigned bit = (unsigned)__builtin_ctzll(bits);
		span->bits[span->hint] = bits & (bits - 1);
		span->free--;
		end[-1 - (ptrdiff_t)taken++] = block_at(span, (unsigned)span->hint * 64 + bit);
	}
	return taken;
}

/* Takes up to `want` blocks that were never handed out, up to the span's end or where carving
 * began. */
static size_t take_fresh(struct span *span, void **end, size_t want)
{
	unsigned next = (unsigned)span->first + span->carved;
	size_t left = (size_t)(span->capacity - span->carved);
	if (next >= span->capacity)
		next -= span->capacity;
	else
		left = min_size(left, span->capacity - next);
	size_t n = min_size(want, left), size = size_class_size(span->class);
	char *block = block_at(span, next);
	for (size_t i = 0; i < n; i++, block += size)
		end[-1 - (ptrdiff_t)i] = block;
	span->carved = (uint16_t)(span->carved + n);
	return n;
}

/* Bin lock held. Writes cells[0 .. want) from its end; returns how many. */
static size_t bin_take(struct bin *bin, unsigned class, enum span_kind kind, void **cells,
                       size_t want, size_t *fresh)
{
	size_t taken = 0;
	while (taken < want) {
		struct span *span = span_with_blocks(bin, class, kind);
		if (!span)
			break;
		hak_assert(span_is_valid(span));
		taken += take_freed(span, cells + want - taken, want - taken);
		size_t n = take_fresh(span, cells + want - taken, want - taken);
		taken += n;
		*fresh += n;
		span->quiet = 0;
		if (span_available(span) == 0)
			list_remove(bin, span);
	}
	gauge_free(class, kind, -(int64_t)taken);
	return taken;
}

size_t span_fill(unsigned class, void **cells, size_t want, size_t *fresh)
{
	struct bin *bin = &bins[class];
	lock_take(&bin->lock);
	size_t taken = bin_take(bin, class, SPAN_CLASS, cells, want, fresh);
	lock_give(&bin->lock);
	if (unlikely(taken < want && taken)) /* no memory: close the gap at the front */
		memmove(cells, cells + want - taken, taken * sizeof(*cells));
	return taken;
}

/*
 * Bin lock held. Gives those of the blocks back that come first in `cells` and belong to `span`;
 * returns how many. This is where misuse is found.
 */
static size_t give_run(struct bin *bin, struct span *span, void *const *cells, size_t n)
{
	const struct size_class *class = &size_classes[span->class];
	uintptr_t base = (uintptr_t)span_base(span), first = base + span->first_offset;
	size_t bytes = span_bytes(span), size = class->size, given = 0;
	uint64_t reciprocal = class->reciprocal, *bits = span->bits;
	bool all_carved = span->carved == span->capacity;
	uint64_t lowest = span->hint;
	for (; given < n && (uintptr_t)cells[given] - base < bytes; given++) {
		const void *p = cells[given];
		uint64_t offset = (uintptr_t)p - first, i = offset * reciprocal >> 32;
		if (unlikely(i * size != offset))
			misuse_report(MISUSE_NOT_A_BLOCK, p, span->class);
		if (unlikely(all_carved ? i >= span->capacity : !was_carved(span, i)))
			misuse_report(MISUSE_NOT_OURS, p, span->class);
		uint64_t word = bits[i / 64], bit = (uint64_t)1 << (i % 64);
		if (unlikely(word & bit))
			misuse_report(MISUSE_DOUBLE_FREE, p, span->class);
		bits[i / 64] = word | bit;
		lowest = i / 64 < lowest ? i / 64 : lowest;
	}
	span->free = (uint16_t)(span->free + given);
	span->hint = (uint16_t)lowest;
	span->quiet = 0;
	if (!span->listed)
		list_push(bin, span);
	if (span_available(span) == span->capacity)
		span_emptied(bin, span);
	return given;
}

void span_drain(unsigned class, void *const *cells, size_t n)
{
	struct bin *bin = &bins[class];
	lock_take(&bin->lock);
	gauge_free(class, SPAN_CLASS, (int64_t)n);
	for (size_t i = 0; i < n;) {
		if (unlikely(address_map_class(cells[i]) != class)) /* its span was given up */
			misuse_report(MISUSE_NOT_OURS, cells[i], class);
		i += give_run(bin, arena_class_span(cells[i]), cells + i, n - i);
	}
	lock_give(&bin->lock);
}

void span_trim(unsigned class)
{
	struct bin *bin = &bins[class];
	if (!gauge_get(bin->spare))
		return;
	lock_take(&bin->lock);
	if (bin->spare)
		span_release(bin->spare);
	gauge_set(bin->spare, NULL);
	lock_give(&bin->lock);
}

/* --- pages of partly free spans
 * ------------------------------------------------------------------- */

enum {
	SPAN_PAGES_MAX = SPAN_GRANULES_MAX * GRANULE_SIZE / PAGE_SIZE,
	QUIET_PURGED = 2, /* a span's `quiet` from when its pages were looked at */
	PURGES_MAX = 64,  /* system calls for a class at a time: its lock is held */
};

/* A bit per page of a span. */
struct pages {
	uint64_t bits[SPAN_PAGES_MAX / 64];
};

static bool page_get(const struct pages *pages, size_t i)
{
	return pages->bits[i / 64] >> (i % 64) & 1;
}

/* Bin lock held. The pages with a byte of a block that is out. */
static void find_busy_pages(const struct span *span, struct pages *busy)
{
	size_t size = size_class_size(span->class);
	*busy = (struct pages){0};
	for (size_t i = 0; i < span->capacity; i++) {
		if (span->bits[i / 64] >> (i % 64) & 1 || !was_carved(span, i))
			continue;
		size_t first = span->first_offset + i * size;
		for (size_t page = first / PAGE_SIZE; page <= (first + size - 1) / PAGE_SIZE;
		     page++)
			busy->bits[page / 64] |= (uint64_t)1 << (page % 64);
	}
}

/* Bin lock held. Returns how many system calls it took. */
static unsigned purge_pages(struct span *span)
{
	size_t count = span_bytes(span) / PAGE_SIZE, first;
	unsigned calls = 0;
	struct pages busy;
	find_busy_pages(span, &busy);
	for (size_t page = 0; page < count; page++) {
		for (first = page; page < count && !page_get(&busy, page);)
			page++;
		if (page == first)
			continue;
		arena_purge_pages(span_base(span) + first * PAGE_SIZE, (page - first) * PAGE_SIZE);
		calls++;
	}
	return calls;
}

/* Bin lock held. Whether a page or more may be free. */
static bool may_have_free_pages(const struct span *span)
{
	return span_available(span) * size_class_size(span->class) >= PAGE_SIZE;
}

static void bin_purge(struct bin *bin, bool all)
{
	unsigned calls = 0;
	lock_take(&bin->lock);
	for (struct span *span = bin->head; span && (all || calls < PURGES_MAX);
	     span = span->next) {
		if (span->quiet == QUIET_PURGED || (!all && span->quiet++ < QUIET_PURGED - 1))
			continue;
		span->quiet = QUIET_PURGED;
		if (may_have_free_pages(span))
			calls += purge_pages(span);
	}
	lock_give(&bin->lock);
}

void span_purge(bool all)
{
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++)
		if (gauge_get(bins[c].head))
			bin_purge(&bins[c], all);
}

void *span_take_sampled(unsigned class)
{
	struct bin *bin = &sampled_bins[class];
	void *p = NULL;
	size_t fresh = 0;
	lock_take(&bin->lock);
	bin_take(bin, class, SPAN_SAMPLED, &p, 1, &fresh);
	lock_give(&bin->lock);
	return p;
}

void span_give_sampled(struct span *span, void *p)
{
	struct bin *bin = bin_of(span);
	lock_take(&bin->lock);
	give_run(bin, span, &p, 1);
	lock_give(&bin->lock);
}

void span_lock_all(void)
{
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++) {
		lock_take(&bins[c].lock);
		lock_take(&sampled_bins[c].lock);
	}
}

void span_unlock_all(void)
{
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++) {
		lock_give(&bins[c].lock);
		lock_give(&sampled_bins[c].lock);
	}
}
