/* SPDX-License-Identifier: MIT */
#include "arena.h"

#include <errno.h>

#include "address_map.h"
#include "lock.h"
#include "options.h"
#include "os.h"
#include "tally.h"

enum {
	SPANS_BYTES = ARENA_GRANULES * sizeof(struct span),
	BITMAP_BYTES = GRANULE_BITMAP_WORDS * sizeof(uint64_t),
};

static_assert(sizeof(struct arena) == GRANULE_SIZE, "the header is one granule");
static_assert(64 + ARENA_COLOURS * ARENA_COLOUR_STEP + SPANS_BYTES +
                              ARENA_GRANULES * BITMAP_BYTES <=
                      sizeof(((struct arena *)0)->body),
              "descriptors and bitmaps fit");

static struct lock lock;
static uint64_t grown;       /* bytes of clean granules taken */
static uint32_t window_next; /* arena index to try next */

/* One bit per arena of the window: it is ours; it has free granules; it has dirty ones. */
static uint64_t owned[WINDOW_ARENAS / 64];
static uint64_t with_free[WINDOW_ARENAS / 64];
static uint64_t with_dirty[WINDOW_ARENAS / 64];
static uint32_t first_owned = WINDOW_ARENAS, last_owned; /* bounds for walks */

/* No arena below hint[k] has a run of 2^k free granules. */
enum { HINTS = 7 };
static uint32_t hint[HINTS];

static bool bit_get(const uint64_t *set, uint32_t i)
{
	return set[i / 64] >> (i % 64) & 1;
}

static void bit_put(uint64_t *set, uint32_t i, bool value)
{
	uint64_t bit = (uint64_t)1 << (i % 64);
	set[i / 64] = value ? set[i / 64] | bit : set[i / 64] & ~bit;
}

/* First member of `set` that is ≥ i and ≤ last_owned; WINDOW_ARENAS when there is none. */
static uint32_t bit_next(const uint64_t *set, uint32_t i)
{
	for (uint32_t word = i / 64; word <= last_owned / 64; word++) {
		uint64_t bits = set[word];
		if (word == i / 64)
			bits &= ~(uint64_t)0 << (i % 64);
		if (bits)
			return word * 64 + (uint32_t)__builtin_ctzll(bits);
	}
	return WINDOW_ARENAS;
}

static struct arena *arena_at(uint32_t index)
{
	return (struct arena *)((uintptr_t)index << ARENA_SHIFT);
}

static uint32_t index_of(const void *p)
{
	return (uint32_t)((uintptr_t)p >> ARENA_SHIFT);
}

static struct span *span_at(struct arena *arena, unsigned granule)
{
	return (struct span *)arena_body(arena) + granule;
}

static uint64_t *bitmap_at(struct arena *arena, unsigned granule)
{
	return (uint64_t *)(arena_body(arena) + SPANS_BYTES) + granule * GRANULE_BITMAP_WORDS;
}

static uint64_t run_mask(unsigned granule, unsigned granules)
{
	return (granules == 64 ? ~(uint64_t)0 : ((uint64_t)1 << granules) - 1) << granule;
}

/* Lowest granule of a run of `granules` set bits, or -1. */
static int find_run(uint64_t bits, unsigned granules)
{
	unsigned have = 1; /* a set bit stands for a run of `have` from there */
	while (bits && have < granules) {
		unsigned step = have < granules - have ? have : granules - have;
		bits &= bits >> step;
		have += step;
	}
	return bits ? __builtin_ctzll(bits) : -1;
}

void arena_init(void)
{
	uint64_t range = (WINDOW_LAST - WINDOW_FIRST) >> ARENA_SHIFT;
	window_next = (uint32_t)((WINDOW_FIRST >> ARENA_SHIFT) + os_random() % range);
	if (!options.huge_pages)
		os_no_huge_pages(address_map, sizeof(address_map));
}

/* Lock held. Maps an arena at the next address of the window that is not taken by somebody else. */
static uint32_t map_arena(void)
{
	for (uint32_t i = window_next; i < WINDOW_ARENAS; i++) {
		struct arena *arena = arena_at(i);
		int err = os_map_at(arena, ARENA_SIZE);
		if (err == -EEXIST)
			continue;
		if (err)
			break;
		window_next = i + 1;
		if (!options.huge_pages)
			os_no_huge_pages(arena, ARENA_SIZE);
		arena->free = ~(uint64_t)1;
		bit_put(with_free, i, true);
		if (i < first_owned)
			first_owned = i;
		if (i > last_owned)
			last_owned = i;
		__atomic_or_fetch(&owned[i / 64], (uint64_t)1 << (i % 64), __ATOMIC_RELEASE);
		gauge_add(tally_process.memory.arena_bytes, ARENA_SIZE);
		return i;
	}
	return WINDOW_ARENAS;
}

/* Lock held. An arena with a run of that length, lowest address first. */
static uint32_t find_arena(unsigned granules)
{
	unsigned below = 31 - (unsigned)__builtin_clz(granules); /* 2^below ≤ granules */
	unsigned above = is_power_of_two(granules) ? below : below + 1;
	uint32_t i = hint[below] > first_owned ? hint[below] : first_owned;
	for (i = bit_next(with_free, i); i < WINDOW_ARENAS; i = bit_next(with_free, i + 1)) {
		if (find_run(arena_at(i)->free, granules) >= 0)
			break;
	}
	if (above < HINTS && hint[above] < i)
		hint[above] = i < WINDOW_ARENAS ? i : last_owned;
	return i < WINDOW_ARENAS ? i : map_arena();
}

/* Number of set bits; mostly all or none of `mask` are, and the baseline x86-64 cannot count bits.
 */
static unsigned count_in(uint64_t bits, uint64_t mask, unsigned granules)
{
	bits &= mask;
	return bits == mask ? granules : bits ? (unsigned)__builtin_popcountll(bits) : 0;
}

/* Lock held. Makes the granules of `mask` dirty, or clean, whatever they were. */
static void set_dirty(struct arena *arena, uint64_t mask, unsigned granules, bool on)
{
	uint64_t bytes = (uint64_t)count_in(on ? ~arena->dirty : arena->dirty, mask, granules) *
	                 GRANULE_SIZE;
	uint64_t dirty = on ? arena->dirty | mask : arena->dirty & ~mask;
	gauge_add(tally_process.memory.dirty_bytes, on ? bytes : -bytes);
	arena->dirty = dirty;
	arena->aged &= dirty;
	bit_put(with_dirty, index_of(arena), dirty != 0);
}

/* Lock held. Granules of that arena became free. */
static void lower_hints(uint32_t index)
{
	for (unsigned i = 0; i < HINTS; i++)
		if (index < hint[i])
			hint[i] = index;
}

static uint64_t *gauge_of(enum span_kind kind)
{
	return kind == SPAN_LARGE ? &tally_process.memory.large_bytes
	                          : &tally_process.memory.span_bytes;
}

/* A run with `room` free granules behind it; NULL when there is none. */
static struct span *take_run(unsigned granules, unsigned room, enum span_kind kind, bool *zeroed)
{
	lock_take(&lock);
	uint32_t index = find_arena(granules + room);
	if (index == WINDOW_ARENAS) {
		lock_give(&lock);
		return NULL;
	}
	struct arena *arena = arena_at(index);
	int granule = -1;
	if (!room) /* pages that are there already */
		granule = find_run(arena->free & arena->dirty, granules);
	if (granule < 0)
		granule = find_run(arena->free, granules + room);
	uint64_t mask = run_mask((unsigned)granule, granules);
	*zeroed = !(arena->dirty & mask);
	gauge_add(grown, (uint64_t)count_in(~arena->dirty, mask, granules) * GRANULE_SIZE);
	arena->free &= ~mask;
	set_dirty(arena, mask, granules, false);
	bit_put(with_free, index, arena->free != 0);
	gauge_add(*gauge_of(kind), (uint64_t)granules * GRANULE_SIZE);

	struct span *span = span_at(arena, (unsigned)granule);
	*span = (struct span){.kind = (uint8_t)kind,
	                      .granule = (uint8_t)granule,
	                      .granules = (uint8_t)granules,
	                      .bits = bitmap_at(arena, (unsigned)granule)};
	for (unsigned i = 0; i < granules; i++)
		arena->head[(unsigned)granule + i] = (uint8_t)granule;
	lock_give(&lock);
	return span;
}

struct span *arena_take(unsigned granules, enum span_kind kind, bool *zeroed)
{
	return take_run(granules, 0, kind, zeroed);
}

struct span *arena_take_growing(unsigned granules, enum span_kind kind, bool *zeroed)
{
	unsigned room = (unsigned)min_size(granules, ARENA_GRANULES - 1 - granules);
	struct span *span = take_run(granules, room, kind, zeroed);
	return span ? span : take_run(granules, 0, kind, zeroed);
}

void arena_give(struct span *span)
{
	uint32_t index = index_of(span);
	struct arena *arena = arena_at(index);
	lock_take(&lock);
	uint64_t mask = run_mask(span->granule, span->granules);
	hak_assert(!(arena->free & mask));
	gauge_add(*gauge_of(span->kind), -span_bytes(span));
	span->kind = SPAN_NONE;
	arena->free |= mask;
	set_dirty(arena, mask, span->granules, true);
	bit_put(with_free, index, true);
	lower_hints(index);
	lock_give(&lock);
}

/* Lock held. */
static void shrink_run(struct arena *arena, struct span *span, unsigned granules)
{
	unsigned less = span->granules - granules;
	uint64_t mask = run_mask(span->granule + granules, less);
	gauge_add(*gauge_of(span->kind), -(uint64_t)less * GRANULE_SIZE);
	arena->free |= mask;
	set_dirty(arena, mask, less, true);
	bit_put(with_free, index_of(arena), true);
	lower_hints(index_of(arena));
}

/* Lock held. False when the granules behind the run are not all free. */
static bool grow_run(struct arena *arena, struct span *span, unsigned granules)
{
	unsigned more = granules - span->granules, first = span->granule + span->granules;
	if (first + more > ARENA_GRANULES)
		return false;
	uint64_t mask = run_mask(first, more);
	if ((arena->free & mask) != mask)
		return false;
	arena->free &= ~mask;
	set_dirty(arena, mask, more, false);
	bit_put(with_free, index_of(arena), arena->free != 0);
	gauge_add(*gauge_of(span->kind), (uint64_t)more * GRANULE_SIZE);
	for (unsigned i = 0; i < more; i++)
		arena->head[first + i] = span->granule;
	return true;
}

bool arena_resize(struct span *span, unsigned granules)
{
	struct arena *arena = arena_at(index_of(span));
	bool ok = true;
	lock_take(&lock);
	if (granules < span->granules)
		shrink_run(arena, span, granules);
	else if (granules > span->granules)
		ok = grow_run(arena, span, granules);
	if (ok)
		span->granules = (uint8_t)granules;
	lock_give(&lock);
	return ok;
}

bool arena_owns(const void *p)
{
	return (uintptr_t)p < WINDOW_BYTES && bit_get(owned, index_of(p));
}

struct span *arena_span_of(const void *p)
{
	if (!arena_owns(p))
		return NULL;
	struct arena *arena = arena_at(index_of(p));
	unsigned granule = (unsigned)((uintptr_t)p >> GRANULE_SHIFT) % ARENA_GRANULES;
	if (granule == 0 || arena->free >> granule & 1)
		return NULL;
	struct span *span = span_at(arena, arena->head[granule]);
	return span->kind == SPAN_NONE ? NULL : span;
}

/* Lock held, and dropped around the system call: meanwhile the run counts as in use. */
static void purge_run(struct arena *arena, unsigned granule, unsigned granules)
{
	uint64_t mask = run_mask(granule, granules);
	size_t bytes = (size_t)granules * GRANULE_SIZE;
	arena->free &= ~mask;
	set_dirty(arena, mask, granules, false);
	lock_give(&lock);
	int err = os_purge((char *)arena + ((size_t)granule << GRANULE_SHIFT), bytes);
	lock_take(&lock);
	arena->free |= mask;
	bit_put(with_free, index_of(arena), true);
	lower_hints(index_of(arena));
	if (err) {
		set_dirty(arena, mask, granules, true);
		return;
	}
	gauge_add(tally_process.memory.purges, 1);
	gauge_add(tally_process.memory.purged_bytes, bytes);
}

/* Lock held, and dropped in between. */
static void purge_granules(struct arena *arena, uint64_t todo)
{
	while (todo) {
		unsigned granule = (unsigned)__builtin_ctzll(todo);
		uint64_t after = ~(todo >> granule);
		unsigned granules = after ? (unsigned)__builtin_ctzll(after) : 64 - granule;
		uint64_t mask = run_mask(granule, granules);
		todo &= ~mask;
		if ((arena->free & arena->dirty & mask) ==
		    mask) /* still so, the lock was dropped */
			purge_run(arena, granule, granules);
	}
}

void arena_purge(bool all)
{
	lock_take(&lock);
	uint32_t i = bit_next(with_dirty, first_owned < WINDOW_ARENAS ? first_owned : 0);
	for (; i < WINDOW_ARENAS; i = bit_next(with_dirty, i + 1)) {
		struct arena *arena = arena_at(i);
		purge_granules(arena, all ? arena->dirty : arena->aged);
		arena->aged = arena->dirty;
	}
	lock_give(&lock);
}

void arena_purge_pages(void *base, size_t bytes)
{
	if (os_purge(base, bytes))
		return;
	lock_take(&lock);
	gauge_add(tally_process.memory.purges, 1);
	gauge_add(tally_process.memory.purged_bytes, bytes);
	lock_give(&lock);
}

uint64_t arena_grown_bytes(void)
{
	return gauge_get(grown);
}

void arena_lock(void)
{
	lock_take(&lock);
}

void arena_unlock(void)
{
	lock_give(&lock);
}
