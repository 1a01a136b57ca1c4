/* SPDX-License-Identifier: MIT */
/*
 * The walk: everything that there is, looked at while all threads are out of the system. Every
 * block of every span is in exactly one place, every magazine and record is reached once, gauges
 * add up to what is mapped, each structure is in order by itself.
 */
#include <stdlib.h>
#include <string.h>

#include "alloc/address_map.h"
#include "alloc/arena.h"
#include "alloc/depot.h"
#include "alloc/guard.h"
#include "alloc/large.h"
#include "alloc/meta.h"
#include "alloc/secure.h"
#include "alloc/span.h"
#include "alloc/tally.h"
#include "alloc/tcache.h"
#include "tests/sim/sim.h"

/* Where a block was found; 0: nowhere yet. */
enum place { NOWHERE, LIVE, HAND, LOADED, PREVIOUS, SPARE, DEPOT, WAITING, PLACES };

static const char *const place_names[PLACES] = {"no place",
                                                "the program",
                                                "a hand",
                                                "a loaded magazine",
                                                "a previous magazine",
                                                "a cache that waits",
                                                "the depot",
                                                "those that wait in secure"};

enum {
	SPANS_MAX = 1 << 16,
	PLACES_MAX = 1 << 24,
	MAGAZINES_MAX = 1 << 16,
	LOST_SLOTS = 1 << 12, /* at first */
};

static uint32_t span_number[WINDOW_GRANULES]; /* of the span that begins there, from 1 on */
static struct span *spans[SPANS_MAX];
static size_t span_first[SPANS_MAX]; /* index of its first block in places[] */
static size_t span_count, place_count;
static uint8_t *places;
static const void *magazines[MAGAZINES_MAX];
static size_t magazine_count, meta_bytes, spans_listed;
static uint64_t free_blocks[HAK_CLASS_COUNT];
static size_t large_spans, large_live;

/* --- what may be lost ---------------------------------------------------------------------- */

static const void **lost; /* a hash table; entries are not taken out but marked */
static size_t lost_slots, lost_count, lost_meta;

static size_t lost_find(const void *p)
{
	size_t i = random_mix((uintptr_t)p) % lost_slots;
	while (lost[i] && (uintptr_t)lost[i] >> 1 != (uintptr_t)p >> 1)
		i = (i + 1) % lost_slots;
	return i;
}

/* Makes room for one more: without those that were found again, or with twice as many slots. */
static void lost_grow(void)
{
	const void **old = lost;
	size_t slots = lost_slots, left = 0;
	for (size_t i = 0; i < slots; i++)
		left += old[i] && !((uintptr_t)old[i] & 1);
	lost_slots = !slots ? LOST_SLOTS : left > slots / 4 ? slots * 2 : slots;
	lost_count = left;
	lost = calloc(lost_slots, sizeof(*lost));
	sim_check(lost);
	for (size_t i = 0; i < slots; i++)
		if (old[i] && !((uintptr_t)old[i] & 1))
			lost[lost_find(old[i])] = old[i];
	free(old);
}

void walk_lose_block(const void *p)
{
	if (lost_count >= lost_slots / 2)
		lost_grow();
	size_t i = lost_find(p);
	lost_count += !lost[i];
	lost[i] = p;
}

/* Addresses are even; an odd one was found again. */
void walk_found(const void *block)
{
	if (!lost_count)
		return;
	size_t i = lost_find(block);
	if (lost[i])
		lost[i] = (const void *)((uintptr_t)block | 1);
}

static bool is_lost(const void *block)
{
	return lost_count && lost[lost_find(block)] == block;
}

static size_t rounded_meta(size_t bytes)
{
	size_t n = 128;
	while (n < bytes)
		n *= 2;
	return n;
}

static void lose_magazine(const struct magazine *magazine)
{
	if (magazine)
		lost_meta += rounded_meta(magazine_bytes(magazine->capacity));
}

void walk_lose(const struct thread *thread, const struct hak_slot *slots)
{
	lost_meta += rounded_meta(sizeof(*thread));
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++) {
		const struct tcache_class *cache = &thread->classes[c];
		if (cache->loaded)
			for (void **cell = (void **)slots[c].base; cell < (void **)slots[c].top;
			     cell++)
				walk_lose_block(*cell);
		lose_magazine(cache->loaded);
		if (cache->previous)
			for (unsigned i = 0; i < cache->previous->count; i++)
				walk_lose_block(cache->previous->cells[i]);
		lose_magazine(cache->previous);
	}
}

/* --- blocks -------------------------------------------------------------------------------- */

static void see_span(struct span *span, void *about)
{
	(void)about;
	sim_check(span_count < SPANS_MAX);
	if (span->kind == SPAN_LARGE) {
		large_spans++;
		return;
	}
	if (!span_is_valid(span))
		sim_fail("span %p of class %u is not in order", (void *)span, span->class);
	unsigned entry = span->kind == SPAN_CLASS ? span->class : 0;
	for (unsigned i = 0; i < span->granules; i++)
		if (address_map_class(span_base(span) + (size_t)i * GRANULE_SIZE) != entry)
			sim_fail("the address map is wrong about span %p", (void *)span);
	unsigned available = span->free + (unsigned)(span->capacity - span->carved);
	if (span->kind == SPAN_CLASS)
		free_blocks[span->class] += available;
	spans_listed += available != 0;
	spans[span_count] = span;
	span_first[span_count] = place_count;
	place_count += span->capacity;
	sim_check(place_count <= PLACES_MAX);
	span_number[(uintptr_t)span_base(span) >> GRANULE_SHIFT] = (uint32_t)++span_count;
}

static void see_arena(struct arena *arena, void *about)
{
	if (!run_lenient && !arena_is_valid(arena))
		sim_fail("arena %p is not in order", (void *)arena);
	arena_each_span(arena, see_span, about);
}

static void see_block(const void *p, unsigned class, enum place place)
{
	const struct span *span = arena_span_of(p);
	if (!span || span->class != class)
		sim_fail("%s holds %p, which is in no span of class %u", place_names[place], p,
		         class);
	size_t number = span_number[(uintptr_t)span_base(span) >> GRANULE_SHIFT];
	size_t offset = (size_t)((const char *)p - span_base(span)) - span->first_offset;
	size_t size = size_class_size(class);
	if (!number || offset % size || offset / size >= span->capacity)
		sim_fail("%s holds %p, which is no block", place_names[place], p);
	uint8_t *at = &places[span_first[number - 1] + offset / size];
	if (*at)
		sim_fail("block %p is in %s and in %s", p, place_names[*at], place_names[place]);
	*at = (uint8_t)place;
	walk_found(p);
}

static void see_cells(void *const *cells, size_t n, unsigned class, enum place place)
{
	for (size_t i = 0; i < n; i++)
		see_block(cells[i], class, place);
}

static void see_meta(const void *p, size_t bytes)
{
	sim_check(magazine_count < MAGAZINES_MAX);
	magazines[magazine_count++] = p;
	meta_bytes += rounded_meta(bytes);
}

static void see_magazine(const struct magazine *magazine)
{
	see_meta(magazine, magazine_bytes(magazine->capacity));
}

static void see_counted(const struct magazine *magazine, unsigned class, enum place place)
{
	if (!magazine)
		return;
	if (!magazine_is_valid(magazine))
		sim_fail("a magazine of %s is not in order", place_names[place]);
	see_magazine(magazine);
	see_cells(magazine->cells, magazine->count, class, place);
}

static void see_in_depot(struct magazine *magazine, void *class)
{
	see_counted(magazine, *(unsigned *)class, DEPOT);
}

static void see_waiting(const void *p, void *class)
{
	see_block(p, *(unsigned *)class, WAITING);
}

static void see_spare(struct thread *thread, void *about)
{
	(void)about;
	see_meta(thread, sizeof(*thread));
	if (!tcache_is_valid(thread))
		sim_fail("a cache that waits is not in order");
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++) {
		see_counted(thread->classes[c].loaded, c, SPARE);
		see_counted(thread->classes[c].previous, c, SPARE);
	}
}

static const struct sim_thread *thread_of(const struct hak_thread_record *record)
{
	for (unsigned i = 0; i < sim_plan->threads; i++)
		if (sim_threads[i].cache && &sim_threads[i].cache->record == record)
			return &sim_threads[i];
	return NULL;
}

static void see_thread(const struct sim_thread *thread)
{
	const struct thread *cache = thread->cache;
	const struct hak_slot *slots = thread_slots(thread);
	see_meta(cache, sizeof(*cache));
	if (cache->record.slots != (uintptr_t)slots)
		sim_fail("the record of thread %u has lost its slots", thread->index);
	if (thread->state == THREAD_IDLE && !tcache_is_valid(cache))
		sim_fail("the cache of thread %u is not in order", thread->index);
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++) {
		const struct magazine *loaded = cache->classes[c].loaded;
		if (loaded) {
			see_magazine(loaded);
			see_cells((void **)slots[c].base, (slots[c].top - slots[c].base) / 8, c,
			          LOADED);
		}
		see_counted(cache->classes[c].previous, c, PREVIOUS);
	}
}

static void see_threads(void)
{
	if (!tally_is_valid())
		sim_fail("the list of records is not in order");
	const struct hak_thread_record *record = tally_first();
	for (; record; record = tally_next(record)) {
		const struct sim_thread *thread = thread_of(record);
		if (thread)
			see_thread(thread);
	}
}

static void see_hand(const void *p)
{
	const struct span *span = p ? arena_span_of(p) : NULL;
	if (span && span->kind == SPAN_LARGE)
		large_live++;
	else if (span)
		see_block(p, span->class, HAND);
}

static void see_live(void)
{
	large_live = 0;
	for (size_t i = 0; i < oracle_count; i++) {
		const struct block *block = &oracle_blocks[i];
		if (block->class && !guard_owns(block->p))
			see_block(block->p, block->class, LIVE);
		else if (!block->class && (uintptr_t)block->p < WINDOW_BYTES)
			large_live++;
	}
	for (unsigned i = 0; i < sim_plan->threads; i++)
		see_hand(sim_threads[i].cut.hand);
}

static void check_span(const struct span *span, const uint8_t *place)
{
	for (unsigned i = 0; i < span->capacity; i++) {
		const char *p = span_base(span) + span->first_offset +
		                (size_t)i * size_class_size(span->class);
		bool held = span_holds(span, i);
		if (held && place[i])
			sim_fail("block %p is in its span and in %s", (const void *)p,
			         place_names[place[i]]);
		if (!held && !place[i] && !is_lost(p) && !run_lenient)
			sim_fail("block %p of class %u is nowhere", (const void *)p, span->class);
	}
}

static void check_spans(void)
{
	size_t listed = 0, n;
	for (size_t i = 0; i < span_count; i++) {
		check_span(spans[i], places + span_first[i]);
		span_number[(uintptr_t)span_base(spans[i]) >> GRANULE_SHIFT] = 0;
	}
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++) {
		if (!span_bins_are_valid(c, &n))
			sim_fail("the bin of class %u is not in order", c);
		listed += n;
	}
	if (listed != spans_listed)
		sim_fail("%zu spans have free blocks, %zu are listed", spans_listed, listed);
}

/* --- metadata and gauges ------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const void *const *x = a, *const *y = b;
	return (*x > *y) - (*x < *y);
}

static void check_meta(void)
{
	qsort(magazines, magazine_count, sizeof(*magazines), compare);
	for (size_t i = 1; i < magazine_count; i++)
		if (magazines[i] == magazines[i - 1])
			sim_fail("magazine or record %p is in two places", magazines[i]);
	size_t taken = meta_taken_bytes();
	if (!meta_is_valid() || meta_bytes > taken ||
	    (meta_bytes + lost_meta < taken && !run_lenient))
		sim_fail("%zu bytes of metadata are taken, %zu are reached (%zu may be lost)",
		         taken, meta_bytes, lost_meta);
}

static void see_huge(const void *base, size_t bytes, void *count)
{
	(void)base;
	(void)bytes;
	++*(size_t *)count;
}

static void check_large(void)
{
	size_t huge = 0, live = 0;
	large_each(see_huge, &huge);
	for (size_t i = 0; i < oracle_count; i++)
		live += !oracle_blocks[i].class && (uintptr_t)oracle_blocks[i].p >= WINDOW_BYTES;
	for (unsigned i = 0; i < sim_plan->threads; i++) {
		const void *hand = sim_threads[i].cut.hand;
		live += hand && !guard_owns(hand) && !arena_span_of(hand);
	}
	if (!large_is_valid() || (huge != live && !run_lenient) || huge != large_huge_count())
		sim_fail("%zu huge blocks, the program has %zu", huge, live);
	if (large_spans != large_live && !run_lenient)
		sim_fail("%zu large blocks, the program has %zu", large_spans, large_live);
}

static void check_gauges(void)
{
	struct hak_arenas sum;
	const struct hak_memory *memory = &tally_process.memory;
	arena_gauges(&sum);
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++)
		if (memory->span_free[c] != free_blocks[c] || !depot_is_valid(c))
			sim_fail("class %u: the gauge says %llu free blocks in spans, there are "
			         "%llu; or the depot is not in order",
			         c, (unsigned long long)memory->span_free[c],
			         (unsigned long long)free_blocks[c]);
	if (!run_lenient && !arena_shards_are_valid())
		sim_fail("a shard of the arenas is not in order");
	size_t told = sum.arena_bytes + sum.huge_bytes + sum.huge_cached_bytes +
	              memory->metadata_bytes + large_table_bytes();
	size_t pool = guard_one_in() ? (size_t)(GUARD_SLOTS + 1) * PAGE_SIZE : 0;
	if (!run_lenient && !sim_plan->refusals[CALL_UNMAP].from &&
	    !sim_plan->refusals[CALL_UNMAP].once_in && told + pool != kernel_mapped())
		sim_fail("%zu bytes are mapped, the gauges tell %zu", kernel_mapped(), told + pool);
}

void walk(void)
{
	if (!places)
		places = malloc(PLACES_MAX);
	span_count = place_count = magazine_count = meta_bytes = spans_listed = large_spans = 0;
	memset(free_blocks, 0, sizeof(free_blocks));
	arena_each(see_arena, NULL);
	memset(places, 0, place_count);
	see_live();
	see_threads();
	tcache_each_spare(see_spare, NULL);
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++) {
		depot_each(c, see_in_depot, &c);
		secure_each(c, see_waiting, &c);
	}
	check_spans();
	check_meta();
	check_large();
	check_gauges();
	if (!run_lenient && !guard_is_valid())
		sim_fail("the pool of guarded blocks is not in order");
	oracle_check_counts();
	sim_report->walks++;
}
