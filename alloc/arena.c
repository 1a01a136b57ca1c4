/* SPDX-License-Identifier: MIT */
#include "arena.h"

#include <errno.h>
#include <string.h>

#include "address_map.h"
#include "lock.h"
#include "options.h"
#include "os.h"
#include "tally.h"
#include "window.h"

enum {
	SPANS_BYTES = ARENA_GRANULES * sizeof(struct span),
	UNIT_BYTES = UNIT_WORDS * sizeof(uint64_t),
	HINTS = 7,
	ALIGNS = 6, /* 1 .. 32 granules */
	ALIGN_GRANULES_MAX = 1 << (ALIGNS - 1),

	/* From an arena's start: its header but for the bitmaps. */
	HEADER_KEPT = 4 * PAGE_SIZE,
	HOLLOW_MAX = 4096, /* arenas of which that only is mapped */
	HOLLOW_TRIES = 4,

	/* A mapping each, which the system limits. More arenas
	 * are made one with their neighbours. */
	BARRIERS_MAX = 16384,
};

static_assert(sizeof(struct arena) == GRANULE_SIZE - ARENA_BARRIER, "the header is one granule");
static_assert(64 + ARENA_COLOURS * ARENA_COLOUR_STEP + SPANS_BYTES +
                              ARENA_GRANULES * GRANULE_UNITS * UNIT_BYTES <=
                      sizeof(((struct arena *)0)->body),
              "descriptors and bitmaps fit");
static_assert(ARENA_BARRIER + offsetof(struct arena, body) + 64 +
                              ARENA_COLOURS * ARENA_COLOUR_STEP + SPANS_BYTES <=
                      HEADER_KEPT,
              "descriptors lie in what stays mapped");

/* Of the bitmaps only those pages exist that arenas of the shard have a bit in. */
struct shard {
	struct lock lock;
	uint32_t first, end; /* bounds of its arenas, for walks */
	bool aligned;        /* a run at a multiple of more than a granule was ever asked for */
	/* No arena below hint[a][k] has a run of 2^k free granules at a multiple of 2^a. */
	uint32_t hint[ALIGNS][HINTS];
	/* One bit per arena of the window: it is the shard's and has free granules; dirty ones. */
	uint64_t with_free[WINDOW_ARENAS / 64];
	uint64_t with_dirty[WINDOW_ARENAS / 64];
} __attribute__((aligned(64)));

/* What is to be taken: a run with `room` free granules behind it. */
struct wanted {
	unsigned granules, room;
	unsigned aligned; /* at a multiple of 2^aligned granules */
	enum span_kind kind;
	uint64_t places; /* where it may begin */
};

static struct shard shards[ARENA_SHARDS];
static __thread unsigned own __attribute__((tls_model("initial-exec"))); /* the thread's shard */

static uint64_t header = 1; /* granules of each arena that no run is made of */

static uint64_t owned[WINDOW_ARENAS / 64]; /* one bit per arena of the window: it is ours */

static struct lock hollow_lock;
static uint64_t hollow[WINDOW_ARENAS / 64]; /* of these but the first pages are unmapped */
static uint32_t hollow_count, hollow_next;
static uint32_t barriers;

static uint64_t random_state;
static uint32_t random_bits;

static unsigned header_granules(void)
{
	return header == 1 ? 1 : 2;
}

/* Of an arena, or the part of one. */
static size_t mapped_bytes(const struct arena *arena)
{
	size_t granules = 64 - (size_t)__builtin_clzll(arena->all);
	return (granules << GRANULE_SHIFT) - arena->barrier;
}

static struct hak_arenas *gauges_of(const struct arena *arena)
{
	return &tally_process.memory.arenas[arena->shard];
}

static struct shard *shard_of(const struct arena *arena)
{
	return &shards[arena->shard];
}

reads_racily static bool bit_get(const uint64_t *set, uint32_t i)
{
	return set[i / 64] >> (i % 64) & 1;
}

static void bit_put(uint64_t *set, uint32_t i, bool value)
{
	uint64_t bit = (uint64_t)1 << (i % 64);
	set[i / 64] = value ? set[i / 64] | bit : set[i / 64] & ~bit;
}

/* First member of `set` that is ≥ i and < end; WINDOW_ARENAS when there is none. */
static uint32_t bit_next(const uint64_t *set, uint32_t i, uint32_t end)
{
	for (uint32_t word = i / 64; word * 64 < end; word++) {
		uint64_t bits = set[word];
		if (word == i / 64)
			bits &= ~(uint64_t)0 << (i % 64);
		if (bits)
			return word * 64 + (uint32_t)__builtin_ctzll(bits);
	}
	return WINDOW_ARENAS;
}

static char *base_at(uint32_t index)
{
	return (char *)((uintptr_t)index << ARENA_SHIFT);
}

static struct arena *arena_at(uint32_t index)
{
	return arena_of(base_at(index));
}

static uint32_t index_of(const void *p)
{
	return (uint32_t)((uintptr_t)p >> ARENA_SHIFT);
}

static struct span *span_at(struct arena *arena, unsigned granule)
{
	return (struct span *)arena_body(arena) + granule;
}

static uint64_t *bitmaps_of(struct arena *arena)
{
	return (uint64_t *)(arena_body(arena) + SPANS_BYTES);
}

static uint64_t run_mask(unsigned granule, unsigned granules)
{
	return (granules == 64 ? ~(uint64_t)0 : ((uint64_t)1 << granules) - 1) << granule;
}

/* The granules at which a run of `granules` set bits begins. */
static uint64_t run_starts(uint64_t bits, unsigned granules)
{
	unsigned have = 1; /* a set bit stands for a run of `have` from there */
	while (bits && have < granules) {
		unsigned step = have < granules - have ? have : granules - have;
		bits &= bits >> step;
		have += step;
	}
	return bits;
}

/* Every `align`th bit. */
static uint64_t aligned_mask(unsigned align)
{
	return ~(uint64_t)0 / (((uint64_t)1 << align) - 1);
}

/* Where in `bits`, granules of that arena, the wanted run is to begin; -1: there is none. */
static inline int find_run(const struct arena *arena, uint64_t bits, const struct wanted *wanted,
                           unsigned room)
{
	uint64_t starts = run_starts(bits, wanted->granules + room) & wanted->places;
	uint64_t late = starts >> arena->start << arena->start;
	return starts ? __builtin_ctzll(late ? late : starts) : -1;
}

uint32_t arena_random(void)
{
	return random_bits;
}

void arena_init(bool live)
{
	header = live ? 3 : 1;
	random_state = os_random_layout();
	random_bits = (uint32_t)os_random_layout();
	window_init(os_random_layout());
	if (!options.huge_pages)
		os_no_huge_pages(address_map, sizeof(address_map));
}

/* Shard lock held. Its arena with such a run, lowest address first; WINDOW_ARENAS when there is
 * none. */
static uint32_t find_arena(struct shard *shard, const struct wanted *wanted)
{
	unsigned granules = wanted->granules + wanted->room;
	unsigned below = 31 - (unsigned)__builtin_clz(granules); /* 2^below ≤ granules */
	unsigned above = is_power_of_two(granules) ? below : below + 1;
	uint32_t *hint = shard->hint[wanted->aligned];
	uint32_t i = bit_next(shard->with_free, hint[below], shard->end);
	while (i < WINDOW_ARENAS &&
	       find_run(arena_at(i), arena_at(i)->free, wanted, wanted->room) < 0)
		i = bit_next(shard->with_free, i + 1, shard->end);
	if (above < HINTS && hint[above] < i)
		hint[above] = i < WINDOW_ARENAS ? i : shard->end;
	return i;
}

/* Number of set bits; mostly all or none of `mask` are, and
 * the baseline x86-64 cannot count bits. */
static unsigned count_in(uint64_t bits, uint64_t mask, unsigned granules)
{
	bits &= mask;
	return bits == mask ? granules : bits ? (unsigned)__builtin_popcountll(bits) : 0;
}

/* Shard lock held. Makes the granules of `mask` dirty, or clean, whatever they were. */
static void set_dirty(struct arena *arena, uint64_t mask, unsigned granules, bool on)
{
	uint64_t bytes = (uint64_t)count_in(on ? ~arena->dirty : arena->dirty, mask, granules) *
	                 GRANULE_SIZE;
	uint64_t dirty = on ? arena->dirty | mask : arena->dirty & ~mask;
	gauge_add(gauges_of(arena)->dirty_bytes, on ? bytes : -bytes);
	arena->dirty = dirty;
	arena->aged &= dirty;
	bit_put(shard_of(arena)->with_dirty, index_of(arena), dirty != 0);
}

static void lower_hints(uint32_t *hint, uint32_t index)
{
	for (unsigned k = 0; k < HINTS; k++)
		if (index < hint[k])
			hint[k] = index;
}

/* Shard lock held. Granules of that arena became free, or are not any longer. */
static void note_free(struct arena *arena, bool more)
{
	struct shard *shard = shard_of(arena);
	uint32_t index = index_of(arena);
	bit_put(shard->with_free, index, arena->free != 0);
	if (!more)
		return;
	lower_hints(shard->hint[0], index);
	for (unsigned a = 1; shard->aligned && a < ALIGNS; a++)
		lower_hints(shard->hint[a], index);
}

/* --- arenas come and go ----------------------------------------------------------------------- */

/* Maps the rest of an arena whose header is there still; -EEXIST: there is none, or somebody has
 * mapped something in its place. */
static int fill_hollow(size_t bytes, uint32_t *index)
{
	int err = -EEXIST;
	if (!gauge_get(hollow_count))
		return err;
	lock_take(&hollow_lock);
	for (unsigned i = 0; i < HOLLOW_TRIES && hollow_count && err == -EEXIST; i++) {
		uint32_t at = bit_next(hollow, hollow_next, WINDOW_ARENAS);
		if (at == WINDOW_ARENAS)
			at = bit_next(hollow, 0, WINDOW_ARENAS);
		err = os_map_at(base_at(at) + HEADER_KEPT, bytes - HEADER_KEPT);
		*index = hollow_next = at;
		if (err == -EEXIST)
			hollow_next = at + 1;
	}
	if (!err) {
		bit_put(hollow, *index, false);
		gauge_add(hollow_count, -1u);
	}
	lock_give(&hollow_lock);
	return err;
}

/* Of a header of which the rest was mapped again, or is not any longer. */
static void count_kept_header(const struct arena *arena, bool kept)
{
	size_t bytes = HEADER_KEPT - arena->barrier;
	__atomic_add_fetch(&tally_process.memory.metadata_bytes, kept ? bytes : -bytes,
	                   __ATOMIC_RELAXED);
}

/* Maps a place for an arena, all of it or `bytes` of it; what is mapped of it reads as zero but for
 * `barrier`. */
static int map_place(size_t bytes, uint32_t *index)
{
	int err = fill_hollow(bytes, index);
	if (err != -EEXIST) {
		if (!err)
			count_kept_header(arena_at(*index), false);
		return err;
	}
	/* A huge page at its start would be lost to the barrier. */
	bool barrier = !options.huge_pages && gauge_get(barriers) < BARRIERS_MAX;
	err = window_take(barrier ? ARENA_BARRIER : 0, bytes, index);
	if (!err) {
		arena_at(*index)->barrier = barrier ? ARENA_BARRIER : 0;
		__atomic_add_fetch(&barriers, barrier, __ATOMIC_RELAXED);
	}
	return err;
}

static uint32_t draw_start(unsigned granules)
{
	uint64_t state = gauge_get(random_state) * 6364136223846793005u + 1442695040888963407u;
	gauge_set(random_state, state);
	return 1 + (uint32_t)((state >> 32) % (granules - 1));
}

/* Shard lock held. Makes what was mapped of that place an arena of the shard. */
static void arena_begin(struct shard *shard, uint32_t index, size_t bytes)
{
	struct arena *arena = arena_at(index);
	unsigned granules = (unsigned)(bytes >> GRANULE_SHIFT);
	arena->all = arena->free = run_mask(0, granules) & ~header;
	arena->shard = (uint32_t)(shard - shards);
	arena->start = (uint16_t)draw_start(granules);
	if (!shard->end) {
		gauge_set(shard->first, index);
		for (unsigned k = 0; k < HINTS; k++)
			shard->hint[0][k] = index;
	}
	gauge_set(shard->first, (uint32_t)min_size(shard->first, index));
	gauge_set(shard->end, (uint32_t)max_size(shard->end, index + 1));
	note_free(arena, true);
	__atomic_or_fetch(&owned[index / 64], (uint64_t)1 << (index % 64), __ATOMIC_RELEASE);
}

/* What to try when so many bytes were refused, `least` at least; 0: nothing. */
static size_t smaller(size_t bytes, size_t least)
{
	return bytes / 4 >= least ? bytes / 4 : bytes > least ? least : 0;
}

/* Shard lock held. Maps an arena, or where there is no address space for a whole one so much of it
 * that it holds a run of `granules`. False: there is none. */
static bool map_arena(struct shard *shard, unsigned granules)
{
	uint32_t index = WINDOW_ARENAS;
	int err = -ENOMEM;
	size_t bytes = ARENA_SIZE, least = (size_t)(header_granules() + granules) << GRANULE_SHIFT;
	while (bytes && (err = map_place(bytes, &index)) && err != -EEXIST)
		bytes = smaller(bytes, least);
	if (err)
		return false;
	struct arena *arena = arena_at(index);
	arena_begin(shard, index, bytes);
	if (!options.huge_pages)
		os_no_huge_pages(base_at(index) + arena->barrier, mapped_bytes(arena));
	gauge_add(gauges_of(arena)->arena_bytes, mapped_bytes(arena));
	return true;
}

static bool may_be_hollowed(void)
{
	return gauge_get(hollow_count) < HOLLOW_MAX;
}

static void hollow_add(uint32_t index)
{
	lock_take(&hollow_lock);
	bit_put(hollow, index, true);
	gauge_add(hollow_count, 1);
	hollow_next = index;
	lock_give(&hollow_lock);
}

static void count_purge(const struct arena *arena, size_t bytes)
{
	gauge_add(gauges_of(arena)->purges, 1);
	gauge_add(gauges_of(arena)->purged_bytes, bytes);
}

/*
 * Shard lock held. Unmaps an arena that is wholly free, if it is. Nothing of it is in use, so
 * nobody but the holder of the lock can change anything of it; who reads, reads that nothing is in
 * use.
 */
static bool hollow_out(struct arena *arena)
{
	if (arena->free != arena->all || !may_be_hollowed())
		return false;
	uint32_t index = index_of(arena);
	uint16_t barrier = arena->barrier;
	size_t bytes = mapped_bytes(arena);
	if (os_unmap(base_at(index) + HEADER_KEPT, bytes + barrier - HEADER_KEPT))
		return false;
	count_purge(arena, (size_t)__builtin_popcountll(arena->dirty) * GRANULE_SIZE);
	set_dirty(arena, arena->all, (unsigned)__builtin_popcountll(arena->all), false);
	gauge_add(gauges_of(arena)->arena_bytes, -bytes);
	__atomic_and_fetch(&owned[index / 64], ~((uint64_t)1 << (index % 64)), __ATOMIC_RELEASE);
	arena->free = 0;
	note_free(arena, false);
	os_purge(arena, HEADER_KEPT - ARENA_BARRIER);
	arena->barrier = barrier;
	count_kept_header(arena, true);
	hollow_add(index);
	return true;
}

static uint64_t *gauge_of(const struct arena *arena, enum span_kind kind)
{
	struct hak_arenas *gauges = gauges_of(arena);
	return kind == SPAN_LARGE ? &gauges->large_bytes : &gauges->span_bytes;
}

/* --- runs ------------------------------------------------------------------------------------- */

/* Shard lock held. Takes the run from that arena, which has it. */
static struct span *take_from(struct arena *arena, const struct wanted *wanted, bool *zeroed)
{
	int granule = -1;
	unsigned granules = wanted->granules;
	if (!wanted->room) /* pages that are there already */
		granule = find_run(arena, arena->free & arena->dirty, wanted, 0);
	if (granule < 0)
		granule = find_run(arena, arena->free, wanted, wanted->room);
	uint64_t mask = run_mask((unsigned)granule, granules);
	*zeroed = !(arena->dirty & mask);
	gauge_add(gauges_of(arena)->grown_bytes,
	          (uint64_t)count_in(~arena->dirty, mask, granules) * GRANULE_SIZE);
	arena->free &= ~mask;
	set_dirty(arena, mask, granules, false);
	note_free(arena, false);
	gauge_add(*gauge_of(arena, wanted->kind), (uint64_t)granules * GRANULE_SIZE);

	struct span *span = span_at(arena, (unsigned)granule);
	*span = (struct span){.kind = (uint8_t)wanted->kind,
	                      .granule = (uint8_t)granule,
	                      .granules = (uint8_t)granules};
	for (unsigned i = 0; i < granules; i++)
		arena->head[(unsigned)granule + i] = (uint8_t)granule;
	return span;
}

/* Shard lock held. */
static struct span *take_from_shard(struct shard *shard, const struct wanted *wanted, bool *zeroed)
{
	if (unlikely(wanted->aligned))
		shard->aligned = true;
	uint32_t index = find_arena(shard, wanted);
	return index < WINDOW_ARENAS ? take_from(arena_at(index), wanted, zeroed) : NULL;
}

/* Another thread is in the thread's shard: moves on to one that is free, or waits. */
static cold_path struct shard *lock_other_shard(void)
{
	for (unsigned i = 1; i < ARENA_SHARDS; i++) {
		unsigned k = (own + i) % ARENA_SHARDS;
		if (lock_try(&shards[k].lock)) {
			own = k;
			return &shards[k];
		}
	}
	lock_take(&shards[own].lock);
	return &shards[own];
}

/* The thread's shard, locked: that in which it met nobody. One thread, or threads that do not meet,
 * use one shard. */
static struct shard *lock_own_shard(void)
{
	struct shard *shard = &shards[own];
	return likely(lock_try(&shard->lock)) ? shard : lock_other_shard();
}

/* What another shard has free is taken before more is mapped, if nobody is in there; where nothing
 * more can be mapped, in any case. */
static struct span *take_from_others(const struct wanted *wanted, bool wait, bool *zeroed)
{
	for (unsigned i = 1; i < ARENA_SHARDS; i++) {
		struct shard *shard = &shards[(own + i) % ARENA_SHARDS];
		if (!gauge_get(shard->end))
			continue;
		if (wait)
			lock_take(&shard->lock);
		else if (!lock_try(&shard->lock))
			continue;
		struct span *span = take_from_shard(shard, wanted, zeroed);
		lock_give(&shard->lock);
		if (span)
			return span;
	}
	return NULL;
}

/* So many have to be mapped behind the header for an arena to hold it. */
static unsigned least_granules(const struct wanted *wanted)
{
	return wanted->granules + wanted->room + (1u << wanted->aligned) - 1;
}

/* NULL when there is none. */
static struct span *take_run(const struct wanted *wanted, bool *zeroed)
{
	struct shard *shard = lock_own_shard();
	struct span *span = take_from_shard(shard, wanted, zeroed);
	if (likely(span)) {
		lock_give(&shard->lock);
		return span;
	}
	lock_give(&shard->lock);
	if ((span = take_from_others(wanted, false, zeroed)))
		return span;
	lock_take(&shard->lock);
	if (map_arena(shard, least_granules(wanted)))
		span = take_from_shard(shard, wanted, zeroed);
	lock_give(&shard->lock);
	return span ? span : take_from_others(wanted, true, zeroed);
}

struct span *arena_take(unsigned granules, enum span_kind kind, bool *zeroed)
{
	struct wanted wanted = {.granules = granules, .kind = kind, .places = ~(uint64_t)0};
	return take_run(&wanted, zeroed);
}

struct span *arena_take_aligned(unsigned granules, unsigned align, enum span_kind kind,
                                bool *zeroed)
{
	struct wanted wanted = {.granules = granules,
	                        .aligned = (unsigned)__builtin_ctz(align),
	                        .kind = kind,
	                        .places = aligned_mask(align)};
	hak_assert(align <= ALIGN_GRANULES_MAX && granules + align <= ARENA_GRANULES);
	return take_run(&wanted, zeroed);
}

struct span *arena_take_growing(unsigned granules, enum span_kind kind, bool *zeroed)
{
	unsigned most = ARENA_GRANULES - header_granules();
	struct wanted wanted = {.granules = granules,
	                        .room = (unsigned)min_size(granules, most - granules),
	                        .kind = kind,
	                        .places = ~(uint64_t)0};
	struct span *span = take_run(&wanted, zeroed);
	wanted.room = 0;
	return span ? span : take_run(&wanted, zeroed);
}

static bool sets_are_valid(const struct arena *arena); /* below */

/* The span's shard, locked. */
static struct shard *lock_shard_of(const struct span *span)
{
	struct shard *shard = shard_of(arena_of(span));
	lock_take(&shard->lock);
	hak_assert(sets_are_valid(arena_of(span)));
	return shard;
}

/*
 * Shard lock held. The lowest free unit of a run of `n` (1, 2, 4 or 8) at a multiple of n. There is
 * one: a span has units of one eight alone, and there are as many eights as granules, of which the
 * header's own is no span.
 */
static unsigned find_units(const struct arena *arena, unsigned n)
{
	uint64_t aligned = aligned_mask(n);
	for (unsigned word = 0; word < GRANULE_UNITS; word++) {
		uint64_t bits = ~arena->units[word];
		for (unsigned step = 1; step < n; step *= 2)
			bits &= bits >> step;
		if (bits & aligned)
			return word * 64 + (unsigned)__builtin_ctzll(bits & aligned);
	}
	__builtin_unreachable();
}

void arena_take_bits(struct span *span, unsigned blocks)
{
	struct arena *arena = arena_of(span);
	unsigned n = 1;
	hak_assert(!span->units && blocks <= GRANULE_BLOCKS_MAX);
	while (n * UNIT_BLOCKS < blocks)
		n *= 2;
	struct shard *shard = lock_shard_of(span);
	unsigned unit = find_units(arena, n);
	arena->units[unit / 64] |= run_mask(unit % 64, n);
	lock_give(&shard->lock);
	span->units = (uint8_t)n;
	span->bits = bitmaps_of(arena) + (size_t)unit * UNIT_WORDS;
	memset(span->bits, 0, (size_t)n * UNIT_BYTES);
}

void arena_give_bits(struct span *span)
{
	struct arena *arena = arena_of(span);
	size_t unit = (size_t)(span->bits - bitmaps_of(arena)) / UNIT_WORDS;
	struct shard *shard = lock_shard_of(span);
	arena->units[unit / 64] &= ~run_mask(unit % 64, span->units);
	lock_give(&shard->lock);
	span->units = 0;
}

void arena_give(struct span *span)
{
	struct arena *arena = arena_of(span);
	struct shard *shard = lock_shard_of(span);
	uint64_t mask = run_mask(span->granule, span->granules);
	hak_assert(!(arena->free & mask) && !span->units);
	gauge_add(*gauge_of(arena, span->kind), -span_bytes(span));
	span->kind = SPAN_NONE;
	arena->free |= mask;
	set_dirty(arena, mask, span->granules, true);
	note_free(arena, true);
	lock_give(&shard->lock);
}

/* Shard lock held. */
static void shrink_run(struct arena *arena, struct span *span, unsigned granules)
{
	unsigned less = span->granules - granules;
	uint64_t mask = run_mask(span->granule + granules, less);
	gauge_add(*gauge_of(arena, span->kind), -(uint64_t)less * GRANULE_SIZE);
	arena->free |= mask;
	set_dirty(arena, mask, less, true);
	note_free(arena, true);
}

/* Shard lock held. False when the granules behind the run are not all free. */
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
	note_free(arena, false);
	gauge_add(*gauge_of(arena, span->kind), (uint64_t)more * GRANULE_SIZE);
	for (unsigned i = 0; i < more; i++)
		arena->head[first + i] = span->granule;
	return true;
}

bool arena_resize(struct span *span, unsigned granules)
{
	struct arena *arena = arena_of(span);
	struct shard *shard = lock_shard_of(span);
	bool ok = true;
	if (granules < span->granules)
		shrink_run(arena, span, granules);
	else if (granules > span->granules)
		ok = grow_run(arena, span, granules);
	if (ok)
		span->granules = (uint8_t)granules;
	lock_give(&shard->lock);
	return ok;
}

bool arena_owns(const void *p)
{
	return (uintptr_t)p < WINDOW_BYTES && bit_get(owned, index_of(p));
}

/* A granule's bit does not change while a block lies there; its neighbours' may. */
reads_racily struct span *arena_span_of(const void *p)
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

/* Shard lock held, and dropped around the system call: meanwhile the run counts as in use. */
static void purge_run(struct arena *arena, unsigned granule, unsigned granules)
{
	struct shard *shard = shard_of(arena);
	uint64_t mask = run_mask(granule, granules);
	size_t bytes = (size_t)granules * GRANULE_SIZE;
	arena->free &= ~mask;
	set_dirty(arena, mask, granules, false);
	note_free(arena, false);
	lock_give(&shard->lock);
	int err = os_purge(base_at(index_of(arena)) + ((size_t)granule << GRANULE_SHIFT), bytes);
	lock_take(&shard->lock);
	arena->free |= mask;
	note_free(arena, true);
	if (err)
		set_dirty(arena, mask, granules, true);
	else
		count_purge(arena, bytes);
}

/* Shard lock held, and dropped in between. */
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

/* Shard lock held. The bitmaps of an arena in which nothing is in use are not needed. */
static void purge_header(struct arena *arena)
{
	if (arena->free == arena->all)
		os_purge(base_at(index_of(arena)) + HEADER_KEPT,
		         header_granules() * GRANULE_SIZE - HEADER_KEPT);
}

static void purge_shard(struct shard *shard, bool all)
{
	lock_take(&shard->lock);
	uint32_t i = bit_next(shard->with_dirty, shard->first, shard->end);
	for (; i < WINDOW_ARENAS; i = bit_next(shard->with_dirty, i + 1, shard->end)) {
		struct arena *arena = arena_at(i);
		purge_granules(arena, all ? arena->dirty : arena->aged);
		arena->aged = arena->dirty;
		if (!arena->dirty && !hollow_out(arena))
			purge_header(arena);
	}
	lock_give(&shard->lock);
}

static void unmap_free(struct shard *shard)
{
	lock_take(&shard->lock);
	uint32_t i = bit_next(shard->with_free, shard->first, shard->end);
	for (; i < WINDOW_ARENAS; i = bit_next(shard->with_free, i + 1, shard->end))
		hollow_out(arena_at(i));
	lock_give(&shard->lock);
}

void arena_unmap_free(void)
{
	for (unsigned i = 0; i < ARENA_SHARDS; i++)
		if (gauge_get(shards[i].end))
			unmap_free(&shards[i]);
}

void arena_purge(bool all)
{
	for (unsigned i = 0; i < ARENA_SHARDS; i++)
		if (gauge_get(tally_process.memory.arenas[i].dirty_bytes))
			purge_shard(&shards[i], all);
}

void arena_purge_pages(void *base, size_t bytes)
{
	struct shard *shard = shard_of(arena_of(base));
	if (os_purge(base, bytes))
		return;
	lock_take(&shard->lock);
	count_purge(arena_of(base), bytes);
	lock_give(&shard->lock);
}

uint64_t arena_grown_bytes(void)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < ARENA_SHARDS; i++)
		sum += gauge_get(tally_process.memory.arenas[i].grown_bytes);
	return sum;
}

void arena_gauges(struct hak_arenas *sum)
{
	*sum = (struct hak_arenas){0};
	for (unsigned i = 0; i < ARENA_SHARDS; i++) {
		const struct hak_arenas *g = &tally_process.memory.arenas[i];
		sum->arena_bytes += gauge_get(g->arena_bytes);
		sum->span_bytes += gauge_get(g->span_bytes);
		sum->large_bytes += gauge_get(g->large_bytes);
		sum->dirty_bytes += gauge_get(g->dirty_bytes);
		sum->purges += gauge_get(g->purges);
		sum->purged_bytes += gauge_get(g->purged_bytes);
		sum->grown_bytes += gauge_get(g->grown_bytes);
		sum->huge_bytes += gauge_get(g->huge_bytes);
		sum->huge_cached_bytes += gauge_get(g->huge_cached_bytes);
	}
}

unsigned arena_own_shard(void)
{
	return own;
}

void arena_prefer_shard(unsigned shard)
{
	own = shard;
}

void arena_lock(void)
{
	for (unsigned i = 0; i < ARENA_SHARDS; i++)
		lock_take(&shards[i].lock);
	lock_take(&hollow_lock);
	window_lock();
}

void arena_unlock(void)
{
	window_unlock();
	lock_give(&hollow_lock);
	for (unsigned i = 0; i < ARENA_SHARDS; i++)
		lock_give(&shards[i].lock);
}

/* --- checks ----------------------------------------------------------------------------------- */

/* The run of which `granule`, in use, is the first one; NULL when none begins there. */
static const struct span *run_at(const struct arena *arena, unsigned granule)
{
	const struct span *span = span_at((struct arena *)(uintptr_t)arena, granule);
	uint64_t mask = run_mask(granule, span->granules);
	if (span->granule != granule || !span->granules || granule + span->granules > 64 ||
	    span->kind == SPAN_NONE || arena->free & mask)
		return NULL;
	for (unsigned i = 0; i < span->granules; i++)
		if (arena->head[granule + i] != granule)
			return NULL;
	return span;
}

static bool is_in_use(const struct arena *arena, unsigned granule)
{
	return arena->all >> granule & 1 && !(arena->free >> granule & 1);
}

static bool run_begins(const struct arena *arena, unsigned granule)
{
	return is_in_use(arena, granule) && arena->head[granule] == granule;
}

static bool runs_are_valid(const struct arena *arena)
{
	unsigned units = 0, taken = 0;
	for (unsigned granule = header_granules(); granule < ARENA_GRANULES;) {
		if (!is_in_use(arena, granule)) {
			granule++;
			continue;
		}
		const struct span *span = run_at(arena, granule);
		if (!span || !span->units != (span->kind == SPAN_LARGE))
			return false;
		units += span->units;
		granule += span->granules;
	}
	for (unsigned i = 0; i < GRANULE_UNITS; i++)
		taken += (unsigned)__builtin_popcountll(arena->units[i]);
	return units == taken;
}

static bool sets_are_valid(const struct arena *arena)
{
	const struct shard *shard = shard_of(arena);
	uint32_t index = index_of(arena);
	return !(arena->free & ~arena->all) && !(arena->all & header) &&
	       !(arena->dirty & ~arena->free) && !(arena->aged & ~arena->dirty) &&
	       arena->shard < ARENA_SHARDS && bit_get(owned, index) &&
	       bit_get(shard->with_free, index) == (arena->free != 0) &&
	       bit_get(shard->with_dirty, index) == (arena->dirty != 0);
}

bool arena_is_valid(const struct arena *arena)
{
	return sets_are_valid(arena) && runs_are_valid(arena);
}

struct sums {
	uint64_t arena, span, large, dirty;
};

static void add_sums(struct arena *arena, struct sums *sums)
{
	sums->arena += mapped_bytes(arena);
	sums->dirty += (uint64_t)__builtin_popcountll(arena->dirty) * GRANULE_SIZE;
	for (unsigned granule = 1; granule < ARENA_GRANULES; granule++) {
		const struct span *span = span_at(arena, granule);
		if (!run_begins(arena, granule))
			continue;
		*(span->kind == SPAN_LARGE ? &sums->large : &sums->span) += span_bytes(span);
	}
}

/* No arena in front of a hint has a run that it promises to be behind. */
static bool hints_are_valid(const struct shard *shard, const struct arena *arena)
{
	for (unsigned a = 0; a < ALIGNS; a++)
		for (unsigned k = 0; k < HINTS; k++)
			if (index_of(arena) < shard->hint[a][k] &&
			    run_starts(arena->free, 1u << k) & aligned_mask(1u << a))
				return false;
	return true;
}

static bool shard_is_valid(const struct shard *shard)
{
	const struct hak_arenas *g = &tally_process.memory.arenas[shard - shards];
	struct sums sums = {0};
	uint32_t i = bit_next(owned, 0, WINDOW_ARENAS);
	for (; i < WINDOW_ARENAS; i = bit_next(owned, i + 1, WINDOW_ARENAS)) {
		if (shard_of(arena_at(i)) != shard)
			continue;
		if (i < shard->first || i >= shard->end || !hints_are_valid(shard, arena_at(i)))
			return false;
		add_sums(arena_at(i), &sums);
	}
	return sums.arena == g->arena_bytes && sums.span == g->span_bytes &&
	       sums.large == g->large_bytes && sums.dirty == g->dirty_bytes;
}

bool arena_shards_are_valid(void)
{
	for (unsigned k = 0; k < ARENA_SHARDS; k++)
		if (!shard_is_valid(&shards[k]))
			return false;
	return true;
}

void arena_each(void (*visit)(struct arena *arena, void *about), void *about)
{
	uint32_t i = bit_next(owned, 0, WINDOW_ARENAS);
	for (; i < WINDOW_ARENAS; i = bit_next(owned, i + 1, WINDOW_ARENAS))
		visit(arena_at(i), about);
}

void arena_each_span(struct arena *arena, void (*visit)(struct span *span, void *about),
                     void *about)
{
	for (unsigned granule = 1; granule < ARENA_GRANULES; granule++)
		if (run_begins(arena, granule) && span_at(arena, granule)->kind != SPAN_NONE)
			visit(span_at(arena, granule), about);
}
