/* SPDX-License-Identifier: MIT */
#include "window.h"

#include <errno.h>

#include "lock.h"
#include "os.h"

/* Below lie programs that are not position-independent, with their heaps. */
#define FIRST ((int64_t)((uintptr_t)4 << 30 >> ARENA_SHIFT))

#define RETRY_NS 20000000u /* after the window was found full */

/* What is being looked for. */
struct place {
	size_t skip, bytes;
	uint32_t index;
};

static struct lock lock;
static int64_t up, down; /* places to try next; out of the window: nothing was found there */
static uint64_t random_state;
static uint64_t full_until; /* coarse clock; 0: it is not known to be full */

static int64_t random_index(void)
{
	uint64_t range = (WINDOW_LAST - WINDOW_FIRST) >> ARENA_SHIFT;
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (int64_t)((WINDOW_FIRST >> ARENA_SHIFT) + (random_state >> 32) % range);
}

void window_init(uint64_t random)
{
	random_state = random;
	up = random_index();
	down = up - 1;
}

static int try(struct place *place, int64_t i)
{
	char *base = (char *)((uintptr_t)i << ARENA_SHIFT);
	place->index = (uint32_t)i;
	return os_map_at(base + place->skip, place->bytes);
}

/* Lock held. From *next on, upwards (1) or downwards (-1), to the window's end. */
static int search(struct place *place, int64_t *next, int64_t direction)
{
	int64_t step = direction;
	while (*next >= FIRST && *next < WINDOW_ARENAS) {
		int err = try(place, *next);
		bool taken = err == -EEXIST;
		if (err && !taken)
			return err;
		*next += taken ? step : direction;
		if (!taken)
			return 0;
		step *= 2;
	}
	return -EEXIST;
}

static int search_both(struct place *place)
{
	int err = search(place, &up, 1);
	return err == -EEXIST ? search(place, &down, -1) : err;
}

static int search_anew(struct place *place)
{
	up = random_index();
	down = up - 1;
	return search_both(place);
}

/*
 * Lock held. Some kernels take a hint only where there is a huge page's room behind the place, so
 * large gaps are looked for first.
 */
static int search_gaps(struct place *place)
{
	uintptr_t gap, first = (uintptr_t)FIRST << ARENA_SHIFT;
	int err = os_find_gap(first, WINDOW_BYTES, (size_t)2 * ARENA_SIZE, ARENA_SIZE, &gap);
	if (err == -ENOENT)
		err = os_find_gap(first, WINDOW_BYTES, ARENA_SIZE, ARENA_SIZE, &gap);
	if (err)
		return -EEXIST;
	up = (int64_t)(gap >> ARENA_SHIFT);
	down = up - 1;
	return search(place, &up, 1);
}

/* Lock held. */
static int take(struct place *place)
{
	int err = search_both(place);
	if (err != -EEXIST)
		return err;
	uint64_t now = os_clock_coarse_ns();
	if (now < full_until)
		return -EEXIST;
	err = search_anew(place);
	if (err == -EEXIST)
		err = search_gaps(place);
	full_until = err == -EEXIST ? now + RETRY_NS : 0;
	return err;
}

int window_take(size_t skip, size_t bytes, uint32_t *index)
{
	struct place place = {.skip = skip, .bytes = bytes - skip};
	lock_take(&lock);
	int err = take(&place);
	lock_give(&lock);
	*index = place.index;
	return err;
}

void window_lock(void)
{
	lock_take(&lock);
}

void window_unlock(void)
{
	lock_give(&lock);
}
