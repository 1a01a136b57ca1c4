/* SPDX-License-Identifier: MIT */
#include "large.h"

#include <string.h>

#include "arena.h"
#include "lock.h"
#include "meta.h"
#include "misuse.h"
#include "os.h"
#include "probe.h"
#include "tally.h"

/*
 * Huge blocks belong to shards, for the same reason as arenas (arena.h) and chosen by the same
 * threads: a thread mostly frees what it has taken, and finds it in its own.
 *
 * Tables have open addressing with linear probing; deletion closes the gap, so there are no
 * tombstones.
 *
 * Behind each block lies a page more, its barrier: inaccessible, so that who overflows faults. It
 * is a mapping of its own, of which the system allows some 65,000; so only the first BARRIERS_MAX
 * blocks have one, and the others' page is accessible.
 */
struct entry {
	uintptr_t base; /* 0 = free */
	size_t bytes;
	bool sampled;
	bool barrier; /* its last page is inaccessible */
};

enum {
	KEPT_MAX = 32,
	FIRST_SLOTS = 256,
	ASK_OTHERS = 8,
	BARRIER_BYTES = PAGE_SIZE,
	BARRIERS_MAX = 8192,
};

/* A freed block, or one that is about to be in use. */
struct kept {
	void *base;
	size_t bytes;
	bool barrier;
	uint64_t freed_ns;
};

struct shard {
	struct lock lock;
	struct entry *table;
	size_t slots, used; /* slots is a power of two, or 0 before the first huge block */
	size_t kept_count;
	uint64_t others_kept; /* bytes, when they were last looked up */
	uint32_t asked;
	struct kept kept[KEPT_MAX]; /* in no order; the first `kept_count` */
} __attribute__((aligned(64)));

static struct shard shards[ARENA_SHARDS];
static size_t kept_limit; /* bytes, of all shards together */
static bool apart;
static uint32_t barriers;

static struct hak_arenas *gauges_of(const struct shard *shard)
{
	return &tally_process.memory.arenas[shard - shards];
}

/* The thread's shard, locked. */
static struct shard *lock_own(void)
{
	struct shard *shard = &shards[arena_own_shard()];
	if (likely(lock_try(&shard->lock)))
		return shard;
	for (unsigned i = 1; i < ARENA_SHARDS; i++) {
		unsigned other = (arena_own_shard() + i) % ARENA_SHARDS;
		if (lock_try(&shards[other].lock)) {
			arena_prefer_shard(other);
			return &shards[other];
		}
	}
	lock_take(&shard->lock);
	return shard;
}

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
static bool table_grow(struct shard *shard)
{
	size_t slots = shard->slots;
	struct entry *table = shard->table;
	if (shard->used + 1 <= slots / 2)
		return true;
	size_t n = slots ? slots * 2 : FIRST_SLOTS;
	struct entry *bigger = meta_map(n * sizeof(*table));
	if (!bigger) /* slower, as long as one is free */
		return shard->used + 1 < slots;
	for (size_t i = 0; i < slots; i++)
		if (table[i].base)
			*find_entry(bigger, n, table[i].base) = table[i];
	if (table)
		meta_unmap(table, slots * sizeof(*table));
	shard->table = bigger;
	gauge_set(shard->slots, n);
	return true;
}

/* Lock held. */
static void table_remove(struct shard *shard, struct entry *entry)
{
	struct entry *table = shard->table;
	size_t slots = shard->slots;
	size_t hole = (size_t)(entry - table);
	for (size_t i = (hole + 1) & (slots - 1); table[i].base; i = (i + 1) & (slots - 1)) {
		size_t home = home_of(table[i].base, slots);
		if (((i - home) & (slots - 1)) >= ((i - hole) & (slots - 1))) {
			table[hole] = table[i];
			hole = i;
		}
	}
	table[hole] = (struct entry){0};
	gauge_add(shard->used, -(size_t)1);
}

/* --- mappings --------------------------------------------------------------------------------- */

/* Makes the page behind the block inaccessible, if it may have a barrier and can. */
static bool raise_barrier(void *base, size_t bytes)
{
	if (gauge_get(barriers) >= BARRIERS_MAX ||
	    os_protect((char *)base + bytes, BARRIER_BYTES, false))
		return false;
	__atomic_add_fetch(&barriers, 1, __ATOMIC_RELAXED);
	return true;
}

static int map_block(struct kept *block, size_t align)
{
	int err = os_map(block->bytes + BARRIER_BYTES, max_size(align, PAGE_SIZE), &block->base);
	if (!err) {
		block->barrier = raise_barrier(block->base, block->bytes);
		__atomic_add_fetch(&tally_process.memory.metadata_bytes, BARRIER_BYTES,
		                   __ATOMIC_RELAXED);
	}
	return err;
}

/*
 * Blocks that the kernel would not unmap: it cannot when that would split a mapping in two and the
 * process has as many as it may. They have no pages, and the first one holds where the next is.
 * Kept until it works, or nothing else can be had. Under the first shard's lock, in its gauge.
 */
static struct stuck {
	struct stuck *next;
	struct kept block;
} * stuck;

static void stuck_push(const struct kept *block)
{
	struct stuck *more = block->base;
	os_purge(block->base, block->bytes);
	lock_take(&shards[0].lock);
	*more = (struct stuck){.next = stuck, .block = *block};
	gauge_set(stuck, more);
	gauge_add(gauges_of(&shards[0])->huge_cached_bytes, block->bytes);
	lock_give(&shards[0].lock);
}

/* The first one that is large enough. */
static bool stuck_take(size_t bytes, struct kept *block)
{
	struct stuck **link = &stuck, *found;
	if (!gauge_get(stuck))
		return false;
	lock_take(&shards[0].lock);
	while ((found = *link) && found->block.bytes < bytes)
		link = &found->next;
	if (found) {
		gauge_set(*link, found->next);
		*block = found->block;
		gauge_add(gauges_of(&shards[0])->huge_cached_bytes, -block->bytes);
	}
	lock_give(&shards[0].lock);
	return found;
}

/* No lock held. False: it is stuck. */
static bool unmap_block(const struct kept *block)
{
	if (os_unmap(block->base, block->bytes + BARRIER_BYTES)) {
		stuck_push(block);
		return false;
	}
	if (block->barrier)
		__atomic_sub_fetch(&barriers, 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&tally_process.memory.metadata_bytes, BARRIER_BYTES, __ATOMIC_RELAXED);
	return true;
}

/* --- freed huge blocks ------------------------------------------------------------------------ */

void large_init(size_t cache_bytes)
{
	kept_limit = cache_bytes;
}

void large_keep_apart(void)
{
	apart = true;
}

/* Lock held. */
static struct kept kept_remove(struct shard *shard, size_t i)
{
	struct kept block = shard->kept[i];
	shard->kept[i] = shard->kept[shard->kept_count - 1];
	gauge_add(shard->kept_count, -(size_t)1);
	gauge_add(gauges_of(shard)->huge_cached_bytes, -block.bytes);
	return block;
}

/* Lock held. The smallest kept block of `bytes` to `most`; false when there is none. */
static bool take_kept(struct shard *shard, size_t bytes, size_t most, struct kept *block)
{
	const struct kept *kept = shard->kept;
	size_t best = KEPT_MAX;
	for (size_t i = 0; i < shard->kept_count; i++)
		if (kept[i].bytes >= bytes && kept[i].bytes <= most &&
		    (best == KEPT_MAX || kept[i].bytes < kept[best].bytes))
			best = i;
	if (best < KEPT_MAX)
		*block = kept_remove(shard, best);
	return best < KEPT_MAX;
}

/* The same from the other shards, where nobody is in them. */
static bool take_kept_of_others(const struct shard *own, size_t bytes, size_t most,
                                struct kept *block)
{
	bool found = false;
	for (unsigned i = 0; i < ARENA_SHARDS && !found; i++) {
		struct shard *shard = &shards[i];
		if (shard == own || !gauge_get(shard->kept_count) || !lock_try(&shard->lock))
			continue;
		found = take_kept(shard, bytes, most, block);
		lock_give(&shard->lock);
	}
	return found;
}

static bool take_kept_of_any(struct shard *own, size_t bytes, size_t most, struct kept *block)
{
	return take_kept(own, bytes, most, block) || take_kept_of_others(own, bytes, most, block);
}

static size_t oldest_kept(const struct shard *shard)
{
	size_t oldest = 0;
	for (size_t i = 1; i < shard->kept_count; i++)
		if (shard->kept[i].freed_ns < shard->kept[oldest].freed_ns)
			oldest = i;
	return oldest;
}

/*
 * Lock held. What all shards keep together. How much of it is others' is looked up from time to
 * time: their gauges change all the while, on other processors.
 */
static uint64_t kept_bytes(struct shard *shard)
{
	uint64_t bytes = 0;
	if (shard->asked++ % ASK_OTHERS == 0) {
		for (unsigned i = 0; i < ARENA_SHARDS; i++)
			if (&shards[i] != shard)
				bytes += gauge_get(gauges_of(&shards[i])->huge_cached_bytes);
		shard->others_kept = bytes;
	}
	return shard->others_kept + gauges_of(shard)->huge_cached_bytes;
}

/*
 * Lock held. A kept block of up to half as much again; where much is kept, of up to four times as
 * much: the alternative is to map one more and soon, when it is freed, to unmap another.
 */
static bool reuse(struct shard *own, size_t bytes, struct kept *block)
{
	return take_kept_of_any(own, bytes, bytes + bytes / 2, block) ||
	       (kept_bytes(own) > kept_limit / 2 && take_kept_of_any(own, bytes, bytes * 4, block));
}

/*
 * Lock held, and dropped around system calls. Keeps a freed block, in the place of those that were
 * freed first if need be; or unmaps it.
 */
static void keep_or_unmap(struct shard *shard, const struct kept *block)
{
	bool keep = block->bytes <= kept_limit / 4;
	while (keep &&
	       (shard->kept_count == KEPT_MAX || kept_bytes(shard) + block->bytes > kept_limit)) {
		if (!shard->kept_count) { /* the others have it all */
			keep = false;
			break;
		}
		struct kept out = kept_remove(shard, oldest_kept(shard));
		lock_give(&shard->lock);
		unmap_block(&out);
		lock_take(&shard->lock);
	}
	if (!keep) {
		lock_give(&shard->lock);
		unmap_block(block);
		lock_take(&shard->lock);
		return;
	}
	shard->kept[shard->kept_count] = *block;
	gauge_add(shard->kept_count, 1);
	gauge_add(gauges_of(shard)->huge_cached_bytes, block->bytes);
}

static bool take_older(struct shard *shard, uint64_t before_ns, struct kept *out)
{
	bool found = false;
	lock_take(&shard->lock);
	for (size_t i = 0; i < shard->kept_count && !found; i++) {
		found = shard->kept[i].freed_ns <= before_ns;
		if (found)
			*out = kept_remove(shard, i);
	}
	lock_give(&shard->lock);
	return found;
}

void large_purge(uint64_t before_ns)
{
	struct kept out;
	for (unsigned i = 0; i < ARENA_SHARDS; i++)
		while (gauge_get(shards[i].kept_count) && take_older(&shards[i], before_ns, &out))
			unmap_block(&out);
	while (stuck_take(0, &out) && unmap_block(&out))
		;
}

/* --- huge blocks ------------------------------------------------------------------------------ */

static bool table_is_valid(struct shard *shard); /* below */
static bool kept_is_valid(const struct shard *shard);

/* Lock held. */
static bool table_add(struct shard *shard, const struct kept *memory)
{
	if (!table_grow(shard))
		return false;
	*find_entry(shard->table, shard->slots, (uintptr_t)memory->base) =
	        (struct entry){.base = (uintptr_t)memory->base,
	                       .bytes = memory->bytes,
	                       .barrier = memory->barrier};
	gauge_add(shard->used, 1);
	gauge_add(gauges_of(shard)->huge_bytes, memory->bytes);
	hak_assert(table_is_valid(shard) && kept_is_valid(shard));
	return true;
}

/* What is stuck comes last: it may be of any size. */
static bool map_or_unstick(struct kept *memory, size_t align, bool *zeroed)
{
	*zeroed = !map_block(memory, align);
	return *zeroed || (align <= PAGE_SIZE && stuck_take(memory->bytes, memory));
}

static bool take_huge(size_t n, size_t align, struct large *block, bool *zeroed)
{
	struct kept memory = {.bytes = round_up(n, PAGE_SIZE)};
	struct shard *shard = lock_own();
	*zeroed = align > PAGE_SIZE || !reuse(shard, memory.bytes, &memory);
	if (*zeroed) {
		lock_give(&shard->lock);
		if (!map_or_unstick(&memory, align, zeroed))
			return false;
		lock_take(&shard->lock);
	}
	bool ok = table_add(shard, &memory);
	lock_give(&shard->lock);
	if (!ok) {
		unmap_block(&memory);
		return false;
	}
	*block = (struct large){.base = memory.base,
	                        .bytes = memory.bytes,
	                        .huge = true,
	                        .shard = (uint8_t)(shard - shards)};
	return true;
}

/* A run of an arena's granules. */
static bool take_granules(size_t n, size_t align, bool growing, struct large *block, bool *zeroed)
{
	unsigned granules = (unsigned)(round_up(n, GRANULE_SIZE) >> GRANULE_SHIFT);
	unsigned multiple = (unsigned)(align >> GRANULE_SHIFT);
	struct span *span = growing ? arena_take_growing(granules, SPAN_LARGE, zeroed)
	                    : multiple > 1
	                            ? arena_take_aligned(granules, multiple, SPAN_LARGE, zeroed)
	                            : arena_take(granules, SPAN_LARGE, zeroed);
	if (span)
		*block = (struct large){.base = span_base(span), .bytes = span_bytes(span)};
	return span;
}

/* Where an arena cannot be had, a mapping of the block's size perhaps can. */
bool large_take(size_t n, size_t align, bool growing, struct large *block, bool *zeroed)
{
	bool fits = n <= LARGE_MAX && align <= LARGE_MAX;
	bool huge = !fits || (apart && gauge_get(barriers) < BARRIERS_MAX);
	if (!(huge && take_huge(n, align, block, zeroed)) &&
	    !(fits && take_granules(n, align, growing, block, zeroed)) &&
	    (huge || !take_huge(n, align, block, zeroed)))
		return false;
	probe_hakmem_large_alloc((uintptr_t)block->base, block->bytes);
	return true;
}

/* --- clearing --------------------------------------------------------------------------------- */

enum {
	LOOK_BYTES = 512 * 1024, /* from this size on it is looked which pages there are */
	LOOK_PAGES = 1024,       /* at a time */
	GAPS_MAX = 32,           /* system calls for these */
};

/*
 * Of a recycled block only what is in memory is cleared; the rest is given back, lest it be swapped
 * out and not empty. To give all of it back would cost a page fault for each page that is used
 * then, many times what clearing it does.
 */
static void clear_pages(char *base, size_t pages)
{
	unsigned char there[LOOK_PAGES];
	size_t first, gaps = 0;
	if (os_resident_pages(base, pages * PAGE_SIZE, there)) {
		memset(base, 0, pages * PAGE_SIZE);
		return;
	}
	for (size_t i = 0; i < pages;) {
		bool full = there[i] & 1;
		for (first = i; i < pages && (there[i] & 1) == full;)
			i++;
		size_t bytes = (i - first) * PAGE_SIZE;
		char *run = base + first * PAGE_SIZE;
		if (full || gaps++ >= GAPS_MAX || os_purge(run, bytes))
			memset(run, 0, bytes);
	}
}

void large_clear(const struct large *block, size_t n)
{
	size_t pages = n < LOOK_BYTES ? 0 : n / PAGE_SIZE, done;
	for (done = 0; done < pages; done += LOOK_PAGES)
		clear_pages((char *)block->base + done * PAGE_SIZE,
		            min_size(LOOK_PAGES, pages - done));
	memset((char *)block->base + pages * PAGE_SIZE, 0, n - pages * PAGE_SIZE);
}

/* Lock held. */
static bool is_kept(const struct shard *shard, const void *p)
{
	for (size_t i = 0; i < shard->kept_count; i++)
		if (shard->kept[i].base == p)
			return true;
	return false;
}

static bool find_in(struct shard *shard, const void *p, struct large *block, bool *freed)
{
	lock_take(&shard->lock);
	const struct entry *entry = find_entry(shard->table, shard->slots, (uintptr_t)p);
	bool found = entry->base != 0;
	if (found)
		*block = (struct large){.base = (void *)entry->base,
		                        .bytes = entry->bytes,
		                        .sampled = entry->sampled,
		                        .huge = true,
		                        .shard = (uint8_t)(shard - shards)};
	else
		*freed = *freed || is_kept(shard, p);
	lock_give(&shard->lock);
	return found;
}

static bool find_huge(const void *p, struct large *block)
{
	bool freed = false;
	if ((uintptr_t)p & (PAGE_SIZE - 1))
		return false;
	for (unsigned i = 0; i < ARENA_SHARDS; i++) {
		struct shard *shard = &shards[(arena_own_shard() + i) % ARENA_SHARDS];
		if (gauge_get(shard->slots) && find_in(shard, p, block, &freed))
			return true;
	}
	if (unlikely(freed))
		misuse_report(MISUSE_DOUBLE_FREE, p, 0);
	return false;
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
	struct shard *shard = &shards[block->shard];
	lock_take(&shard->lock);
	struct entry *entry = find_entry(shard->table, shard->slots, (uintptr_t)block->base);
	if (unlikely(!entry->base)) { /* another thread frees it at the same time */
		lock_give(&shard->lock);
		misuse_report(MISUSE_DOUBLE_FREE, block->base, 0);
	}
	struct kept freed = {.base = block->base,
	                     .bytes = entry->bytes,
	                     .barrier = entry->barrier,
	                     .freed_ns = now_ns};
	table_remove(shard, entry);
	gauge_add(gauges_of(shard)->huge_bytes, -block->bytes);
	keep_or_unmap(shard, &freed);
	lock_give(&shard->lock);
}

void large_set_sampled(struct large *block, bool sampled)
{
	block->sampled = sampled;
	if (!block->huge) {
		arena_span_of(block->base)->sampled = sampled;
		return;
	}
	struct shard *shard = &shards[block->shard];
	lock_take(&shard->lock);
	find_entry(shard->table, shard->slots, (uintptr_t)block->base)->sampled = sampled;
	lock_give(&shard->lock);
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

/* Lock held. The block's pages move where there is room; its barrier follows. */
static bool remap(struct entry *entry, size_t bytes)
{
	size_t old_bytes = entry->bytes + (entry->barrier ? 0 : BARRIER_BYTES);
	void *old = (void *)entry->base, *base;
	if (os_remap(old, old_bytes, bytes + BARRIER_BYTES, true, &base))
		return false;
	if (entry->barrier) {
		os_unmap((char *)old + old_bytes, BARRIER_BYTES); /* a mapping of its own */
		__atomic_sub_fetch(&barriers, 1, __ATOMIC_RELAXED);
	}
	entry->base = (uintptr_t)base;
	entry->bytes = bytes;
	entry->barrier = raise_barrier(base, bytes);
	return true;
}

static bool resize_huge(struct large *block, size_t bytes)
{
	struct shard *shard = &shards[block->shard];
	lock_take(&shard->lock); /* across the call: a freed address may be taken again at once */
	struct entry *entry = find_entry(shard->table, shard->slots, (uintptr_t)block->base);
	struct entry changed = *entry;
	bool ok = entry->base && remap(&changed, bytes);
	if (ok) {
		table_remove(shard, entry);
		*find_entry(shard->table, shard->slots, changed.base) = changed;
		gauge_add(shard->used, 1);
		gauge_add(gauges_of(shard)->huge_bytes, bytes - block->bytes);
		block->base = (void *)changed.base;
		block->bytes = bytes;
	}
	lock_give(&shard->lock);
	return ok;
}

bool large_resize(struct large *block, size_t n)
{
	if (!block->huge)
		return resize_run(block, n);
	size_t bytes = round_up(n, PAGE_SIZE);
	if (bytes == block->bytes)
		return true;
	return n > LARGE_MAX && resize_huge(block, bytes);
}

size_t large_huge_count(void)
{
	size_t count = 0;
	for (unsigned i = 0; i < ARENA_SHARDS; i++)
		count += gauge_get(shards[i].used);
	return count;
}

void large_lock(void)
{
	for (unsigned i = 0; i < ARENA_SHARDS; i++)
		lock_take(&shards[i].lock);
}

void large_unlock(void)
{
	for (unsigned i = 0; i < ARENA_SHARDS; i++)
		lock_give(&shards[i].lock);
}

/* --- checks ----------------------------------------------------------------------------------- */

static bool table_is_valid(struct shard *shard)
{
	size_t used = 0;
	uint64_t bytes = 0;
	for (size_t i = 0; i < shard->slots; i++) {
		const struct entry *entry = &shard->table[i];
		if (!entry->base)
			continue;
		if (find_entry(shard->table, shard->slots, entry->base) != entry ||
		    entry->base % PAGE_SIZE || entry->bytes % PAGE_SIZE || !entry->bytes)
			return false;
		used++;
		bytes += entry->bytes;
	}
	return used == shard->used && (!used || used < shard->slots) &&
	       bytes == gauges_of(shard)->huge_bytes;
}

static bool kept_is_valid(const struct shard *shard)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < shard->kept_count; i++)
		bytes += shard->kept[i].bytes;
	for (const struct stuck *s = shard == shards ? stuck : NULL; s; s = s->next)
		bytes += s->block.bytes;
	return shard->kept_count <= KEPT_MAX && bytes == gauges_of(shard)->huge_cached_bytes;
}

bool large_is_valid(void)
{
	for (unsigned i = 0; i < ARENA_SHARDS; i++)
		if (!kept_is_valid(&shards[i]) || !table_is_valid(&shards[i]))
			return false;
	return true;
}

void large_each(void (*visit)(const void *base, size_t bytes, void *about), void *about)
{
	for (unsigned i = 0; i < ARENA_SHARDS; i++)
		for (size_t k = 0; k < shards[i].slots; k++)
			if (shards[i].table[k].base)
				visit((void *)shards[i].table[k].base, shards[i].table[k].bytes,
				      about);
}

size_t large_table_bytes(void)
{
	size_t bytes = 0;
	for (unsigned i = 0; i < ARENA_SHARDS; i++)
		if (shards[i].slots)
			bytes += meta_mapped(shards[i].slots * sizeof(struct entry));
	return bytes;
}
