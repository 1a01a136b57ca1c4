/* SPDX-License-Identifier: MIT */
#include "secure.h"

#include <string.h>

#include "address_map.h"
#include "guard.h"
#include "large.h"
#include "live.h"
#include "lock.h"
#include "misuse.h"
#include "os.h"
#include "size_class.h"
#include "span.h"

enum {
	WAITING_MAX = 128,
	WAITING_MIN = 4,
	WAITING_BYTES = 64 * 1024, /* of a class, as far as these two allow */
};

/* Freed blocks of a class. */
struct pool {
	struct lock lock;
	uint32_t count;
	uint64_t random;
	void *blocks[WAITING_MAX];
} __attribute__((aligned(64)));

static struct pool pools[HAK_CLASS_COUNT];
static uint64_t canary;
static bool on, clearing;

void secure_init(bool clear)
{
	on = true;
	clearing = clear;
	canary = os_random() | 1; /* not zero, and neither is its first byte */
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++)
		pools[c].random = os_random();
}

bool secure_is_on(void)
{
	return on;
}

static uint64_t *canary_of(unsigned class, const void *p)
{
	return (uint64_t *)((char *)p + size_class_size(class) - SECURE_PAD);
}

static void require_whole(unsigned class, const void *p)
{
	if (unlikely(*canary_of(class, p) != canary))
		misuse_report(MISUSE_OVERFLOW, canary_of(class, p), class);
}

void secure_require(unsigned class, const void *p)
{
	if (unlikely(!live_get(p)))
		span_report(class, p);
	require_whole(class, p);
}

/* Pages that were given back to the OS meanwhile read as zero as well. */
static void require_clear(unsigned class, const void *p)
{
	const uint64_t *word = p, *end = (const uint64_t *)((const char *)p + size_class_size(class));
	while (word < end && !*word)
		word++;
	if (unlikely(word < end))
		misuse_report(MISUSE_AFTER_FREE, word, class);
}

void *secure_take(unsigned class)
{
	void *p;
	size_t fresh = 0;
	if (!span_fill(class, &p, 1, &fresh))
		return NULL;
	if (clearing && !fresh)
		require_clear(class, p);
	*canary_of(class, p) = canary;
	if (unlikely(live_begin(p)))
		misuse_report(MISUSE_DOUBLE_FREE, p, class);
	return p;
}

static size_t waiting_max(unsigned class)
{
	return min_size(max_size(WAITING_BYTES / size_class_size(class), WAITING_MIN), WAITING_MAX);
}

/* Pool lock held. A place in the pool; Knuth's MMIX generator, whose upper bits are the good ones. */
static uint32_t draw(struct pool *pool)
{
	pool->random = pool->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((pool->random >> 32) * pool->count >> 32);
}

/* Puts a freed block into the pool; the one that it pushes out, or NULL. */
static void *exchange(unsigned class, void *p)
{
	struct pool *pool = &pools[class];
	void *out = NULL;
	lock_take(&pool->lock);
	if (pool->count < waiting_max(class)) {
		pool->blocks[pool->count] = p;
		gauge_add(pool->count, 1);
	} else {
		void **cell = &pool->blocks[draw(pool)];
		out = *cell;
		*cell = p;
	}
	lock_give(&pool->lock);
	return out;
}

void secure_give(unsigned class, void *p)
{
	if (unlikely(!live_get(p))) /* before anything there is taken for a canary */
		span_report(class, p);
	require_whole(class, p);
	if (unlikely(!live_end(p))) /* another thread was first */
		span_report(class, p);
	if (clearing)
		memset(p, 0, size_class_size(class));
	void *out = exchange(class, p);
	if (out)
		span_drain(class, &out, 1);
}

static bool take_waiting(struct pool *pool, void **p)
{
	lock_take(&pool->lock);
	bool any = pool->count != 0;
	if (any) {
		gauge_add(pool->count, -1u);
		*p = pool->blocks[pool->count];
	}
	lock_give(&pool->lock);
	return any;
}

void secure_flush(void)
{
	void *p;
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++)
		while (gauge_get(pools[c].count) && take_waiting(&pools[c], &p))
			span_drain(c, &p, 1);
}

size_t secure_waiting(unsigned class)
{
	return gauge_get(pools[class].count);
}

/* --- sized frees
 * ------------------------------------------------------------------------------------ */

/* Slot offsets do not tell apart what alignment asks for: alloc_aligned() rounds up to a class. */
static unsigned class_of_request(size_t n, size_t align)
{
	if (align <= ALIGN_MIN || n > MEDIUM_MAX)
		return size_class_of_request(n);
	size_t rounded = size_class_aligned(n + size_class_pad, align);
	return rounded ? size_class_of(rounded) : 0;
}

void secure_require_size(const void *p, size_t n, size_t align)
{
	unsigned class = address_map_class(p);
	const struct span *span = class ? NULL : arena_span_of(p);
	bool right = true;
	struct large block;
	if (class) {
		secure_require(class, p);
		right = class == class_of_request(n, align);
	} else if (span && span->kind == SPAN_SAMPLED) {
		right = span->class == class_of_request(n, align);
	} else if (p && large_find(p, &block)) {
		right = n <= block.bytes && block.bytes - n < GRANULE_SIZE;
	} else if (guard_owns(p)) {
		right = align > ALIGN_MIN || n == guard_bytes(p);
	}
	if (unlikely(!right || (uintptr_t)p & (align - 1)))
		misuse_report(MISUSE_WRONG_SIZE, p, class);
}

void secure_lock_all(void)
{
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++)
		lock_take(&pools[c].lock);
}

void secure_unlock_all(void)
{
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++)
		lock_give(&pools[c].lock);
}
