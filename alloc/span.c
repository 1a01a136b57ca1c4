/* SPDX-License-Identifier: MIT */
#include "span.h"

#include <errno.h>
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
	uint64_t carved;    /* bytes, cumulative */
} __attribute__((aligned(64)));

enum { FIRST_BYTES = 1024 }; /* of a page, in which the block carved first begins */

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

static bool counts_are_valid(const struct span *span)
{
	return span->class > 0 && span->class < HAK_CLASS_COUNT && span->carved <= span->capacity &&
	       span->free <= span->carved;
}

static bool bin_is_valid(const struct bin *bin, unsigned class, enum span_kind kind,
                         size_t *listed); /* below */

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
 * Golden ratio steps spread any number of consecutive spans evenly. It is the first block that
 * begins in a page, or of small blocks one of the first few, which one differs from process to
 * process: a few blocks should not touch one page more than they need.
 */
static uint16_t first_block(const struct span *span)
{
	static uint32_t spans_made;
	uint32_t n = __atomic_add_fetch(&spans_made, 1, __ATOMIC_RELAXED), bits = arena_random();
	size_t pages = span_bytes(span) / PAGE_SIZE, size = size_class_size(span->class);
	size_t page = (uint64_t)((n + bits) * 0x9e3779b9u) * pages >> 32;
	size_t offset = page ? page * PAGE_SIZE - span->first_offset : 0;
	size_t i = (offset + size - 1) / size + bits % FIRST_BYTES / size;
	return (uint16_t)(i < span->capacity ? i : 0);
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
	span->first_offset =
	        (uint32_t)((colour[class] + arena_random()) % c->colours) * c->colour_step;
	colour[class]++;
	span->clean = zeroed;
	span->ready = 0;
	span->capacity = (uint16_t)((span_bytes(span) - span->first_offset) / c->size);
	span->first = first_block(span);
	span->carved = 0;
	span->free = 0;
	span->hint = 0;
	arena_take_bits(span, span->capacity);
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
	arena_give_bits(span);
	arena_give(span);
}

/* Bin lock held; the last block of a listed span came back. */
static void span_emptied(struct bin *bin, struct span *span)
{
	hak_assert(span_is_valid(span));
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

/* Writes `n` neighbours, `block` the first of them, downwards from `end`. */
static inline void take_row(void **end, char *block, size_t size, size_t n)
{
	void **const stop = end - n;
	for (; end - stop >= 4; end -= 4, block += 4 * size) {
		end[-1] = block;
		end[-2] = block + size;
		end[-3] = block + 2 * size;
		end[-4] = block + 3 * size;
	}
	for (; end != stop; block += size)
		*--end = block;
}

/* Takes blocks of a word of the bitmap, `want` at most; `block` is that of its lowest bit. */
static inline size_t take_word(uint64_t *word, void **end, char *block, size_t size, size_t want)
{
	uint64_t bits = *word;
	size_t taken = 0;
	if (!~bits && want >= 64) {
		take_row(end, block, size, 64);
		*word = 0;
		return 64;
	}
	for (; bits && taken < want; bits &= bits - 1)
		end[-1 - (ptrdiff_t)taken++] = block + (size_t)__builtin_ctzll(bits) * size;
	*word = bits;
	return taken;
}

/* Takes up to `want` freed blocks; cells are written downwards from `end`. */
static size_t take_freed(struct span *span, void **end, size_t want)
{
	size_t size = size_class_size(span->class), n = min_size(want, span->free), taken = 0;
	unsigned word = span->hint;
	char *block = block_at(span, word * 64);
	for (; taken < n; word++, block += 64 * size) {
		span->hint = (uint16_t)word;
		if (span->bits[word])
			taken += take_word(&span->bits[word], end - taken, block, size, n - taken);
	}
	span->free = (uint16_t)(span->free - n);
	return n;
}

/*
 * Pages that are about to be written to. A page fault each costs several times what making them in
 * a row does. They are a share of what the class has carved so far, so that a class of few blocks
 * has no page too many, and a large heap few.
 */
struct ahead {
	char *base;
	size_t bytes; /* 0: none */
};

enum {
	AHEAD_SHARE = 16,
	AHEAD_MIN = 2 * PAGE_SIZE,
	AHEAD_MAX = 8 * PAGE_SIZE,
};

static size_t page_of(const struct span *span, unsigned i)
{
	return (size_t)((char *)block_at(span, i) - span_base(span)) / PAGE_SIZE;
}

/* Bin lock held. Blocks next .. next + n have been carved. */
static void look_ahead(struct bin *bin, struct span *span, unsigned next, size_t n,
                       struct ahead *ahead)
{
	size_t bytes = min_size(bin->carved / AHEAD_SHARE, AHEAD_MAX);
	bin->carved += n * size_class_size(span->class);
	if (!next)
		span->ready = 0; /* carving goes on from the span's start */
	if (!span->clean || bytes < AHEAD_MIN ||
	    page_of(span, next + (unsigned)n - 1) < span->ready)
		return;
	size_t page = max_size(page_of(span, next), span->ready);
	size_t stop =
	        next < span->first ? page_of(span, span->first) : span_bytes(span) / PAGE_SIZE;
	size_t last = min_size(page + bytes / PAGE_SIZE, stop);
	if (page >= last)
		return;
	span->ready = (uint8_t)last;
	*ahead = (struct ahead){span_base(span) + page * PAGE_SIZE, (last - page) * PAGE_SIZE};
}

/* No lock held: others may write there already. */
static void populate(const struct ahead *ahead)
{
	static bool refused;
	if (!ahead->bytes || gauge_get(refused))
		return;
	int err = os_populate(ahead->base, ahead->bytes);
	if (err && err != -ENOMEM && err != -EAGAIN) /* for good */
		gauge_set(refused, true);
}

/* Takes up to `want` blocks that were never handed out, up to the span's end or where carving
 * began. */
static size_t take_fresh(struct bin *bin, struct span *span, void **end, size_t want,
                         struct ahead *ahead)
{
	unsigned next = (unsigned)span->first + span->carved;
	size_t left = (size_t)(span->capacity - span->carved);
	if (next >= span->capacity)
		next -= span->capacity;
	else
		left = min_size(left, span->capacity - next);
	size_t n = min_size(want, left);
	take_row(end, block_at(span, next), size_class_size(span->class), n);
	span->carved = (uint16_t)(span->carved + n);
	if (n)
		look_ahead(bin, span, next, n, ahead);
	return n;
}

/* Bin lock held. Writes cells[0 .. want) from its end; returns how many. */
static size_t bin_take(struct bin *bin, unsigned class, enum span_kind kind, void **cells,
                       size_t want, size_t *fresh, struct ahead *ahead)
{
	size_t taken = 0;
	while (taken < want) {
		struct span *span = span_with_blocks(bin, class, kind);
		if (!span)
			break;
		hak_assert(span_is_valid(span));
		taken += take_freed(span, cells + want - taken, want - taken);
		size_t n = take_fresh(bin, span, cells + want - taken, want - taken, ahead);
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
	struct ahead ahead = {.bytes = 0};
	struct bin *bin = &bins[class];
	lock_take(&bin->lock);
	size_t taken = bin_take(bin, class, SPAN_CLASS, cells, want, fresh, &ahead);
	lock_give(&bin->lock);
	populate(&ahead);
	if (unlikely(taken < want && taken)) /* no memory: close the gap at the front */
		memmove(cells, cells + want - taken, taken * sizeof(*cells));
	return taken;
}

/* Not a block of that span that could be out. */
static cold_path _Noreturn void report(const struct span *span, const void *p, uint64_t offset)
{
	bool boundary;
	uint64_t i = size_class_index(size_classes[span->class].reciprocal, offset, &boundary);
	misuse_report(!boundary             ? MISUSE_NOT_A_BLOCK
	              : was_carved(span, i) ? MISUSE_DOUBLE_FREE
	                                    : MISUSE_NOT_OURS,
	              p, span->class);
}

bool span_may_be_out(unsigned class, const void *p)
{
	if (address_map_slot(p) != class * SLOT_BYTES)
		return false;
	const struct span *span = arena_class_span(p);
	bool boundary;
	uint64_t i = size_class_index(
	        size_classes[class].reciprocal,
	        (uintptr_t)p - (uintptr_t)span_base(span) - span->first_offset, &boundary);
	return boundary && was_carved(span, i) && !(span->bits[i / 64] >> (i % 64) & 1);
}

cold_path _Noreturn void span_report(unsigned class, const void *p)
{
	if (address_map_slot(p) != class * SLOT_BYTES)
		misuse_report(MISUSE_NOT_OURS, p, class);
	const struct span *span = arena_class_span(p);
	report(span, p, (uintptr_t)p - (uintptr_t)span_base(span) - span->first_offset);
}

/* Bin lock held, which is given. What of the span's blocks came back and is not counted yet is
 * lost: nothing comes twice. */
static cold_path _Noreturn void report_given(const struct span *span, const void *p,
                                             uint64_t offset)
{
	lock_give(&bin_of(span)->lock);
	report(span, p, offset);
}

/*
 * Sets the bits of those blocks that come first in `cells` and lie in that span, the first of them
 * in any case; returns how many. This is where misuse is found.
 */
hot_inline size_t set_bits(struct span *span, const struct size_class *class, void *const *cells,
                           size_t n, const bool all_carved)
{
	uintptr_t first = (uintptr_t)span_base(span) + span->first_offset;
	uint64_t reciprocal = class->reciprocal, *bits = span->bits, lowest = span->hint;
	uint64_t bytes = (uint64_t)span->capacity * class->size;
	uint64_t offset = (uintptr_t)*cells - first;
	void *const *cell = cells, *const *end = cells + n;
	if (unlikely(offset >= bytes))
		report_given(span, *cells, offset);
	do {
		bool boundary, was_set;
		uint64_t i = size_class_index(reciprocal, offset, &boundary);
		uint64_t word = bits[i / 64];
		if (unlikely(!boundary))
			report_given(span, *cell, offset);
		__asm__("btsq %2, %0" : "+r"(word), "=@ccc"(was_set) : "r"(i)); /* modulo 64 */
		if (unlikely(was_set) || unlikely(!all_carved && !was_carved(span, i)))
			report_given(span, *cell, offset);
		bits[i / 64] = word;
		lowest = min_size(lowest, i / 64);
	} while (++cell != end && (offset = (uintptr_t)*cell - first) < bytes);
	span->hint = (uint16_t)lowest;
	return (size_t)(cell - cells);
}

/* On its own, so that the registers of the common case suffice. */
static __attribute__((noinline)) size_t set_bits_partly_carved(struct span *span,
                                                               const struct size_class *class,
                                                               void *const *cells, size_t n)
{
	return set_bits(span, class, cells, n, false);
}

/* Bin lock held. Gives those of the blocks back that come first in `cells` and belong to `span`;
 * returns how many. */
hot_inline size_t give_run(struct bin *bin, struct span *span, const struct size_class *class,
                           void *const *cells, size_t n)
{
	size_t given = likely(span->carved == span->capacity)
	                       ? set_bits(span, class, cells, n, true)
	                       : set_bits_partly_carved(span, class, cells, n);
	span->free = (uint16_t)(span->free + given);
	span->quiet = 0;
	hak_assert(counts_are_valid(span));
	if (unlikely(!span->listed))
		list_push(bin, span);
	if (unlikely(span->free == span->carved))
		span_emptied(bin, span);
	return given;
}

void span_drain(unsigned class, void *const *cells, size_t n)
{
	struct bin *bin = &bins[class];
	void *const *const end = cells + n;
	lock_take(&bin->lock);
	gauge_free(class, SPAN_CLASS, (int64_t)n);
	while (cells != end) {
		if (unlikely(address_map_slot(*cells) != class * SLOT_BYTES)) { /* span given up */
			lock_give(&bin->lock);
			misuse_report(MISUSE_NOT_OURS, *cells, class);
		}
		cells += give_run(bin, arena_class_span(*cells), &size_classes[class], cells,
		                  (size_t)(end - cells));
	}
	lock_give(&bin->lock);
}

static void bin_trim(struct bin *bin)
{
	if (!gauge_get(bin->spare))
		return;
	lock_take(&bin->lock);
	if (bin->spare)
		span_release(bin->spare);
	gauge_set(bin->spare, NULL);
	lock_give(&bin->lock);
}

void span_trim(unsigned class)
{
	bin_trim(&bins[class]);
}

void span_trim_all(void)
{
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++) {
		bin_trim(&bins[c]);
		bin_trim(&sampled_bins[c]);
	}
}

/* --- pages of partly free spans --------------------------------------------------------------- */

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
	size_t listed = 0;
	lock_take(&bin->lock);
	hak_assert(bin_is_valid(bin, (unsigned)(bin - bins), SPAN_CLASS, &listed));
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

bool span_has_sampled(unsigned class)
{
	const struct bin *bin = &sampled_bins[class];
	return gauge_get(bin->head) || gauge_get(bin->spare);
}

void *span_take_sampled(unsigned class)
{
	struct bin *bin = &sampled_bins[class];
	void *p = NULL;
	size_t fresh = 0;
	struct ahead ahead = {.bytes = 0}; /* a block at a time: no */
	lock_take(&bin->lock);
	bin_take(bin, class, SPAN_SAMPLED, &p, 1, &fresh, &ahead);
	lock_give(&bin->lock);
	return p;
}

void span_give_sampled(struct span *span, void *p)
{
	struct bin *bin = bin_of(span);
	lock_take(&bin->lock);
	give_run(bin, span, &size_classes[span->class], &p, 1);
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

/* --- checks ----------------------------------------------------------------------------------- */

bool span_holds(const struct span *span, unsigned i)
{
	return span->bits[i / 64] >> (i % 64) & 1 || !was_carved(span, i);
}

static bool bits_are_valid(const struct span *span)
{
	size_t set = 0;
	for (unsigned i = 0; i < span->capacity; i++) {
		bool bit = span->bits[i / 64] >> (i % 64) & 1;
		set += bit;
		if (bit && (!was_carved(span, i) || i / 64 < span->hint))
			return false;
	}
	return set == span->free;
}

bool span_is_valid(const struct span *span)
{
	const struct size_class *class = &size_classes[span->class];
	return counts_are_valid(span) && span->granules == class->span_granules && span->units &&
	       span->first < span->capacity &&
	       span->first_offset + (size_t)span->capacity * class->size <= span_bytes(span) &&
	       bits_are_valid(span);
}

static bool bin_is_valid(const struct bin *bin, unsigned class, enum span_kind kind, size_t *listed)
{
	const struct span *before = NULL;
	for (const struct span *span = bin->head; span; before = span, span = span->next, ++*listed)
		if (span->prev != before || !span->listed || span->class != class ||
		    span->kind != kind || span == bin->spare || !span_available(span) ||
		    *listed > WINDOW_GRANULES)
			return false;
	if (!bin->spare)
		return true;
	++*listed;
	return !bin->spare->listed && bin->spare->class == class && bin->spare->kind == kind &&
	       span_available(bin->spare) == bin->spare->capacity;
}

bool span_bins_are_valid(unsigned class, size_t *listed)
{
	*listed = 0;
	return bin_is_valid(&bins[class], class, SPAN_CLASS, listed) &&
	       bin_is_valid(&sampled_bins[class], class, SPAN_SAMPLED, listed);
}
