/* SPDX-License-Identifier: MIT */
#include "large.h"

#include "arena.h"
#include "lock.h"
#include "misuse.h"
#include "os.h"
#include "probe.h"
#include "tally.h"

/* Open addressing with linear probing; deletion closes the gap, so there are no tombstones. */
struct entry {
	uintptr_t base; /* 0 = free */
	size_t bytes;
	bool sampled;
};

static struct lock lock;
static struct entry *table;
static size_t slots, used; /* slots is a power of two, or 0 before the first huge block */

enum { FIRST_SLOTS = 256 };

static size_t home_of(uintptr_t base, size_t n)
{
	return (size_t)((base >> PAGE_SHIFT) * 0x9e3779b97f4a7c15u >> 32) & (n - 1);
}

/* Lock held. The entry of `base`, or the free one where it belongs. The table has a free entry. */
static struct entry *find_entry(struct entry *entries, size_t n, uintptr_t base)
{
	size_t i = home_of(base, n);
	while (entries[i].base && entries[i].base != base)
		i = (i + 1) & (n - 1);
	return &entries[i];
}

/* Lock held. Makes room for one more; false when there is no memory. */
static bool table_grow(void)
{
	if (used + 1 <= slots / 2)
		return true;
	size_t n = slots ? slots * 2 : FIRST_SLOTS;
	void *base;
	if (os_map(n * sizeof(*table), PAGE_SIZE, &base))
		return false;
	struct entry *bigger = base;
	for (size_t i = 0; i < slots; i++)
		if (table[i].base)
			*find_entry(bigger, n, table[i].base) = table[i];
	if (table)
		os_unmap(table, slots * sizeof(*table));
	table = bigger;
	slots = n;
	return true;
}

/* Lock held. */
static void table_remove(struct entry *entry)
{
	size_t hole = (size_t)(entry - table);
	for (size_t i = (hole + 1) & (slots - 1); table[i].base; i = (i + 1) & (slots - 1)) {
		size_t home = home_of(table[i].base, slots);
		if (((i - home) & (slots - 1)) >= ((i - hole) & (slots - 1))) {
			table[hole] = table[i];
			hole = i;
		}
	}
	table[hole] = (struct entry){0};
	used--;
}

/* --- freed huge blocks
 * ------------------------------------------------------------------------------ */

enum { KEPT_MAX = 32 };

struct kept {
	void *base;
	size_t bytes;
	uint64_t freed_ns;
};

static struct kept kept[KEPT_MAX]; /* in no order; the first `kept_count` */
static size_t kept_count, kept_limit;

void large_init(size_t cache_bytes)
{
	kept_limit = cache_bytes;
}

/* Lock held. */
static struct kept kept_remove(size_t i)
{
	struct kept block = kept[i];
	kept[i] = kept[--kept_count];
	gauge_add(tally_process.memory.huge_cached_bytes, -block.bytes);
	return block;
}

/* Lock held. The smallest kept block of `bytes` to half as much again; false when there is none. */
static bool take_kept(size_t bytes, struct kept *block)
{
	size_t best = KEPT_MAX;
	for (size_t i = 0; i < kept_count; i++)
		if (kept[i].bytes >= bytes && kept[i].bytes - bytes <= bytes / 2 &&
		    (best == KEPT_MAX || kept[i].bytes < kept[best].bytes))
			best = i;
	if (best < KEPT_MAX)
		*block = kept_remove(best);
	return best < KEPT_MAX;
}

static size_t oldest_kept(void)
{
	size_t oldest = 0;
	for (size_t i = 1; i < kept_count; i++)
		if (kept[i].freed_ns < kept[oldest].freed_ns)
			oldest = i;
	return oldest;
}

/*
 * Lock held, and dropped around system calls. Keeps a freed block, in the place of those that were
 * freed first if need be; or unmaps it.
 */
static void keep_or_unmap(void *base, size_t bytes, uint64_t now_ns)
{
	struct kept out = {.base = base, .bytes = bytes};
	bool keep = bytes <= kept_limit / 4;
	while (!keep || kept_count == KEPT_MAX ||
	       tally_process.memory.huge_cached_bytes + bytes > kept_limit) {
		if (keep)
			out = kept_remove(oldest_kept());
		lock_give(&lock);
		os_unmap(out.base, out.bytes);
		lock_take(&lock);
		if (!keep)
			return;
	}
	kept[kept_count++] = (struct kept){.base = base, .bytes = bytes, .freed_ns = now_ns};
	gauge_add(tally_process.memory.huge_cached_bytes, bytes);
}

void large_purge(uint64_t before_ns)
{
	for (;;) {
		struct kept out = {0};
		lock_take(&lock);
		for (size_t i = 0; i < kept_count && !out.base; i++)
			if (kept[i].freed_ns <= before_ns)
				out = kept_remove(i);
		lock_give(&lock);
		if (!out.base)
			return;
		os_unmap(out.base, out.bytes);
	}
}

/* --- huge blocks
 * ------------------------------------------------------------------------------------ */

/* Lock held. */
static bool table_add(const struct kept *memory)
{
	if (!table_grow())
		return false;
	*find_entry(table, slots, (uintptr_t)memory->base) =
	        (struct entry){.base = (uintptr_t)memory->base, .bytes = memory->bytes};
	used++;
	gauge_add(tally_process.memory.huge_bytes, memory->bytes);
	return true;
}

static bool take_huge(size_t n, size_t align, struct large *block, bool *zeroed)
{
	struct kept memory = {.bytes = round_up(n, PAGE_SIZE)};
	lock_take(&lock);
	*zeroed = align > PAGE_SIZE || !take_kept(memory.bytes, &memory);
	if (*zeroed) {
		lock_give(&lock);
		if (os_map(memory.bytes, max_size(align, PAGE_SIZE), &memory.base))
			return false;
		lock_take(&lock);
	}
	bool ok = table_add(&memory);
	lock_give(&lock);
	if (!ok) {
		os_unmap(memory.base, memory.bytes);
		return false;
	}
	*block = (struct large){.base = memory.base, .bytes = memory.bytes, .huge = true};
	return true;
}

bool large_take(size_t n, size_t align, bool growing, struct large *block, bool *zeroed)
{
	if (n > LARGE_MAX || align > GRANULE_SIZE) {
		if (!take_huge(n, align, block, zeroed))
			return false;
	} else {
		unsigned granules = (unsigned)(round_up(n, GRANULE_SIZE) >> GRANULE_SHIFT);
		struct span *span = growing ? arena_take_growing(granules, SPAN_LARGE, zeroed)
		                            : arena_take(granules, SPAN_LARGE, zeroed);
		if (!span)
			return false;
		*block = (struct large){.base = span_base(span), .bytes = span_bytes(span)};
	}
	probe_hakmem_large_alloc((uintptr_t)block->base, block->bytes);
	return true;
}

/* Lock held. */
static bool is_kept(const void *p)
{
	for (size_t i = 0; i < kept_count; i++)
		if (kept[i].base == p)
			return true;
	return false;
}

static bool find_huge(const void *p, struct large *block)
{
	if ((uintptr_t)p & (PAGE_SIZE - 1) || !__atomic_load_n(&slots, __ATOMIC_ACQUIRE))
		return false;
	lock_take(&lock);
	struct entry *entry = find_entry(table, slots, (uintptr_t)p);
	bool found = entry->base != 0;
	if (found)
		*block = (struct large){.base = (void *)entry->base,
		                        .bytes = entry->bytes,
		                        .sampled = entry->sampled,
		                        .huge = true};
	bool freed = !found && is_kept(p);
	lock_give(&lock);
	if (unlikely(freed))
		misuse_report(MISUSE_DOUBLE_FREE, p, 0);
	return found;
}

bool large_find(const void *p, struct large *block)
{
	struct span *span = arena_span_of(p);
	if (!span)
		return find_huge(p, block);
	if (span->kind != SPAN_LARGE)
		return false;
	if (p != span_base(span))
		misuse_report(MISUSE_NOT_A_BLOCK, p, 0);
	*block = (struct large){
	        .base = span_base(span), .bytes = span_bytes(span), .sampled = span->sampled};
	return true;
}

void large_give(const struct large *block)
{
	probe_hakmem_large_free((uintptr_t)block->base, block->bytes);
	if (!block->huge) {
		arena_give(arena_span_of(block->base));
		return;
	}
	uint64_t now_ns = os_clock_coarse_ns();
	lock_take(&lock);
	struct entry *entry = find_entry(table, slots, (uintptr_t)block->base);
	if (unlikely(!entry->base)) { /* another thread frees it at the same time */
		lock_give(&lock);
		misuse_report(MISUSE_DOUBLE_FREE, block->base, 0);
	}
	table_remove(entry);
	gauge_add(tally_process.memory.huge_bytes, -block->bytes);
	keep_or_unmap(block->base, block->bytes, now_ns);
	lock_give(&lock);
}

void large_set_sampled(struct large *block, bool sampled)
{
	block->sampled = sampled;
	if (!block->huge) {
		arena_span_of(block->base)->sampled = sampled;
		return;
	}
	lock_take(&lock);
	find_entry(table, slots, (uintptr_t)block->base)->sampled = sampled;
	lock_give(&lock);
}

/* A block in an arena grows into free granules behind it, or gives the last ones of its own up. */
static bool resize_run(struct large *block, size_t n)
{
	size_t granules = round_up(n, GRANULE_SIZE) >> GRANULE_SHIFT;
	if (n > LARGE_MAX || !arena_resize(arena_span_of(block->base), (unsigned)granules))
		return false;
	block->bytes = granules << GRANULE_SHIFT;
	return true;
}

bool large_resize(struct large *block, size_t n)
{
	if (!block->huge)
		return resize_run(block, n);
	size_t bytes = round_up(n, PAGE_SIZE);
	if (bytes == block->bytes)
		return true;
	if (n <= LARGE_MAX)
		return false;
	void *base;
	lock_take(&lock); /* held across the call: a freed address may be taken again at once */
	bool ok = !os_remap(block->base, block->bytes, bytes, true, &base);
	if (ok) {
		struct entry *entry = find_entry(table, slots, (uintptr_t)block->base);
		struct entry changed = *entry;
		table_remove(entry);
		changed.base = (uintptr_t)base;
		changed.bytes = bytes;
		*find_entry(table, slots, changed.base) = changed;
		used++;
		gauge_add(tally_process.memory.huge_bytes, bytes - block->bytes);
	}
	lock_give(&lock);
	if (ok) {
		block->base = base;
		block->bytes = bytes;
	}
	return ok;
}

size_t large_huge_count(void)
{
	return __atomic_load_n(&used, __ATOMIC_RELAXED);
}

void large_lock(void)
{
	lock_take(&lock);
}

void large_unlock(void)
{
	lock_give(&lock);
}
