/* SPDX-License-Identifier: MIT */
#include "depot.h"

#include "arena.h"
#include "lock.h"
#include "size_class.h"
#include "span.h"
#include "tally.h"

struct depot {
	struct lock lock;
	uint32_t full_count;
	uint32_t full_min; /* least full_count since the last trim: not needed, then */
	uint32_t full_max; /* most */
	uint32_t missed;   /* times that a thread found nothing here since the last trim */
	uint32_t needed;   /* magazines that the period before the last trim had use for */
	uint32_t empty_count;
	struct magazine *full;
	struct magazine *empty;
} __attribute__((aligned(64)));

enum { EMPTY_MAX = 8 }; /* kept per class; more go back to the metadata */

static struct depot depots[HAK_CLASS_COUNT];
static size_t limit; /* bytes per class */
static size_t total; /* bytes in all of them; changed under different locks, so atomically */

enum {
	TOTAL_FLOOR = 4 << 20, /* what the depot may always hold in all, and beyond that */
	TOTAL_SHARE = 8,       /* one part in so many of the bytes in spans */
};

void depot_init(size_t limit_bytes)
{
	limit = limit_bytes;
}

static void count_bytes(unsigned class, int64_t blocks)
{
	gauge_add(tally_process.memory.depot_blocks[class], (uint64_t)blocks);
	__atomic_add_fetch(&total, (size_t)blocks * size_class_size(class), __ATOMIC_RELAXED);
}

bool depot_wants(unsigned class)
{
	const struct depot *depot = &depots[class];
	return gauge_get(depot->full_count) <
	       max_size(gauge_get(depot->missed), gauge_get(depot->needed));
}

/* Lock held. Tells whether a magazine with `blocks` is wanted and within the limits. */
static bool has_room(unsigned class, uint32_t blocks)
{
	if (!depot_wants(class))
		return false;
	size_t size = size_class_size(class), more = blocks * size;
	size_t held = __atomic_load_n(&total, __ATOMIC_RELAXED) + more;
	if (tally_process.memory.depot_blocks[class] * size + more > limit)
		return false;
	if (held <= TOTAL_FLOOR)
		return true;
	struct hak_arenas arenas;
	arena_gauges(&arenas);
	return held <= TOTAL_FLOOR + arenas.span_bytes / TOTAL_SHARE;
}

/* Lock held. */
static struct magazine *pop_full(struct depot *depot, unsigned class)
{
	struct magazine *magazine = depot->full;
	if (!magazine)
		return NULL;
	hak_assert(magazine_is_valid(magazine) && magazine->count);
	gauge_set(depot->full, magazine->next);
	gauge_add(depot->full_count, -1u);
	if (depot->full_count < depot->full_min)
		depot->full_min = depot->full_count;
	count_bytes(class, -(int64_t)magazine->count);
	return magazine;
}

static struct magazine *take_full(struct depot *depot, unsigned class)
{
	lock_take(&depot->lock);
	struct magazine *magazine = pop_full(depot, class);
	lock_give(&depot->lock);
	return magazine;
}

struct magazine *depot_take(unsigned class)
{
	struct depot *depot = &depots[class];
	if (gauge_get(depot->full))
		return take_full(depot, class);
	/* Without the lock: a lost count matters little. */
	gauge_set(depot->missed, gauge_get(depot->missed) + 1);
	return NULL;
}

void depot_drain(unsigned class, struct magazine *magazine)
{
	span_drain(class, magazine->cells, magazine->count);
	magazine->count = 0;
	depot_give_empty(class, magazine);
}

void depot_give(unsigned class, struct magazine *magazine)
{
	struct depot *depot = &depots[class];
	if (unlikely(!magazine->count)) {
		depot_give_empty(class, magazine);
		return;
	}
	lock_take(&depot->lock);
	bool keep = has_room(class, magazine->count);
	hak_assert(magazine_is_valid(magazine));
	if (keep) {
		magazine->next = depot->full;
		gauge_set(depot->full, magazine);
		gauge_add(depot->full_count, 1);
		if (depot->full_count > depot->full_max)
			gauge_set(depot->full_max, depot->full_count);
		count_bytes(class, magazine->count);
	}
	lock_give(&depot->lock);
	if (!keep)
		depot_drain(class, magazine);
}

struct magazine *depot_take_empty(unsigned class, uint32_t capacity)
{
	struct depot *depot = &depots[class];
	struct magazine *magazine = NULL;
	lock_take(&depot->lock);
	if (depot->empty && depot->empty->capacity == capacity) {
		magazine = depot->empty;
		depot->empty = magazine->next;
		depot->empty_count--;
	}
	lock_give(&depot->lock);
	return magazine ? magazine : magazine_new(capacity);
}

void depot_give_empty(unsigned class, struct magazine *magazine)
{
	struct depot *depot = &depots[class];
	hak_assert(magazine->count == 0);
	lock_take(&depot->lock);
	bool keep = depot->empty_count < EMPTY_MAX;
	if (keep) {
		magazine->next = depot->empty;
		depot->empty = magazine;
		depot->empty_count++;
	}
	lock_give(&depot->lock);
	if (!keep)
		magazine_free(magazine);
}

/* Drains so many magazines, or all that there are. */
static void drain_full(unsigned class, uint32_t count)
{
	for (; count; count--) {
		struct magazine *magazine = take_full(&depots[class], class);
		if (!magazine)
			break;
		depot_drain(class, magazine);
	}
}

void depot_drain_class(unsigned class)
{
	drain_full(class, UINT32_MAX);
}

uint64_t depot_blocks(unsigned class)
{
	return gauge_get(tally_process.memory.depot_blocks[class]);
}

static void trim_class(unsigned class, bool all)
{
	struct depot *depot = &depots[class];
	if (!gauge_get(depot->full_max) && !gauge_get(depot->missed) && !gauge_get(depot->needed))
		return;
	lock_take(&depot->lock);
	hak_assert(depot_is_valid(class));
	uint32_t surplus = all ? depot->full_count : depot->full_min;
	uint32_t used = depot->full_max - depot->full_min;
	gauge_set(depot->needed, (uint32_t)max_size(gauge_get(depot->missed), used));
	gauge_set(depot->missed, 0);
	lock_give(&depot->lock);
	drain_full(class, surplus);
	lock_take(&depot->lock);
	depot->full_min = depot->full_count;
	gauge_set(depot->full_max, depot->full_count);
	lock_give(&depot->lock);
}

void depot_trim(bool all)
{
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++)
		trim_class(c, all);
}

void depot_lock_all(void)
{
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++)
		lock_take(&depots[c].lock);
}

void depot_unlock_all(void)
{
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++)
		lock_give(&depots[c].lock);
}

/* --- checks ----------------------------------------------------------------------------------- */

static bool count_list(const struct magazine *list, bool full, uint32_t *count, uint64_t *blocks)
{
	for (; list; list = list->next) {
		if (!magazine_is_valid(list) || full != (list->count != 0) || ++*count > 1u << 24)
			return false;
		*blocks += list->count;
	}
	return true;
}

bool depot_is_valid(unsigned class)
{
	const struct depot *depot = &depots[class];
	uint32_t full = 0, empty = 0;
	uint64_t blocks = 0;
	return count_list(depot->full, true, &full, &blocks) &&
	       count_list(depot->empty, false, &empty, &blocks) && full == depot->full_count &&
	       empty == depot->empty_count && empty <= EMPTY_MAX && depot->full_min <= full &&
	       depot->full_max >= full && blocks == depot_blocks(class);
}

void depot_each(unsigned class, void (*visit)(struct magazine *magazine, void *about), void *about)
{
	struct magazine *magazine;
	for (magazine = depots[class].full; magazine; magazine = magazine->next)
		visit(magazine, about);
	for (magazine = depots[class].empty; magazine; magazine = magazine->next)
		visit(magazine, about);
}
