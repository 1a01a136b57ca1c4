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
	READY_MAX = 16,
	WAITING_MAX = 128,
	WAITING_MIN = 4,
	WAITING_BYTES = 64 * 1024, /* of a class, as far as these two allow */
};

/* Blocks of a class: freed ones, and some to choose the next one from. */
struct pool {
	struct lock lock;
	uint32_t count, ready_count;
	uint64_t random;
	void *ready[READY_MAX];
	void *blocks[WAITING_MAX];
} __attribute__((aligned(64)));

static struct pool pools[HAK_CLASS_COUNT];
static bool on, alone;

uint64_t secure_key;

void secure_init(bool by_itself)
{
	on = true;
	alone = by_itself;
	secure_key = os_random() | 1; /* no mark begins with a zero byte */
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++)
		pools[c].random = os_random();
}

bool secure_is_on(void)
{
	return on;
}

static uint64_t *mark_of(unsigned class, const void *p)
{
	return (uint64_t *)((char *)p + size_class_size(class) - SECURE_PAD);
}

/* Where nothing else tells, a mark that is zero says that the block is free. */
cold_path _Noreturn void secure_report(const void *p)
{
	unsigned class = address_map_class(p);
	bool live = alone ? live_get(p) : span_may_be_out(class, p) && *mark_of(class, p) != 0;
	if (!live)
		span_report(class, p);
	misuse_report(MISUSE_OVERFLOW, mark_of(class, p), class);
}

cold_path _Noreturn void secure_changed(const void *p)
{
	unsigned class = address_map_class(p);
	const uint64_t *word = p,
	               *end = (const uint64_t *)((const char *)p + size_class_size(class));
	while (word < end - 1 && !*word)
		word++;
	misuse_report(MISUSE_AFTER_FREE, word, class);
}

static bool is_whole(unsigned class, const void *p)
{
	return (!alone || live_get(p)) && *mark_of(class, p) == secure_mark(p);
}

void secure_require(unsigned class, const void *p)
{
	if (unlikely(!is_whole(class, p)))
		secure_report(p);
}

/* All of it where all is cleared, which is where no block has come another way; else the words that
 * are. */
static bool clears_all(unsigned class)
{
	return alone || size_class_size(class) > SECURE_STOCK_MAX;
}

static bool is_clear(unsigned class, const void *p)
{
	const uint64_t *word = p, *last = mark_of(class, p);
	if (!clears_all(class))
		return !(word[0] | word[1] | *last);
	while (word < last && !*word)
		word++;
	return !*word;
}

/* Makes a block ready that came from a span; false: it has changed since it was freed. */
static bool make_ready(unsigned class, void *p, bool fresh)
{
	uint64_t *first = p, *last = mark_of(class, p);
	if (likely(is_clear(class, p)))
		return true;
	if (!fresh)
		return false;
	if (clears_all(class))
		memset(p, 0, size_class_size(class));
	first[0] = first[1] = *last = 0;
	return true;
}

void secure_prepare(unsigned class, void *p, bool fresh)
{
	if (unlikely(!make_ready(class, p, fresh)))
		secure_changed(p);
}

/* Pool lock held. Below `n`; Knuth's MMIX generator, whose upper bits are the good ones. */
static uint32_t draw(struct pool *pool, uint32_t n)
{
	pool->random = pool->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((pool->random >> 32) * n >> 32);
}

/* Pool lock held. So many that they take about as much memory as those that wait. */
static void get_ready(unsigned class, struct pool *pool)
{
	size_t want = min_size(max_size(WAITING_BYTES / 4 / size_class_size(class), 1), READY_MAX);
	size_t fresh = 0;
	pool->ready_count = (uint32_t)span_fill(class, pool->ready, want, &fresh);
	for (uint32_t i = 0; i < pool->ready_count; i++) {
		void *p = pool->ready[i];
		if (unlikely(!make_ready(class, p, fresh != 0))) {
			pool->ready_count = 0;
			lock_give(&pool->lock);
			secure_changed(p);
		}
	}
}

/* One of the ready ones; NULL when there is no memory. */
static void *take_ready(unsigned class)
{
	struct pool *pool = &pools[class];
	void *p = NULL;
	lock_take(&pool->lock);
	if (!pool->ready_count)
		get_ready(class, pool);
	if (likely(pool->ready_count)) {
		void **cell = &pool->ready[draw(pool, pool->ready_count)];
		p = *cell;
		*cell = pool->ready[--pool->ready_count];
	}
	lock_give(&pool->lock);
	return p;
}

void *secure_take(unsigned class)
{
	void *p = take_ready(class);
	if (!p)
		return NULL;
	if (unlikely(!is_clear(class, p)))
		secure_changed(p);
	*mark_of(class, p) = secure_mark(p);
	if (alone && unlikely(live_begin(p)))
		misuse_report(MISUSE_DOUBLE_FREE, p, class);
	return p;
}

static size_t waiting_max(unsigned class)
{
	return min_size(max_size(WAITING_BYTES / size_class_size(class), WAITING_MIN), WAITING_MAX);
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
		void **cell = &pool->blocks[draw(pool, pool->count)];
		out = *cell;
		*cell = p;
	}
	hak_assert(secure_is_valid(class));
	lock_give(&pool->lock);
	return out;
}

/* To its span, whose memory may go to another class or back to the OS: so it is looked at here. */
static void release(unsigned class, void *p)
{
	if (unlikely(!is_clear(class, p)))
		secure_changed(p);
	span_drain(class, &p, 1);
}

void secure_give(unsigned class, void *p)
{
	uint64_t mark = secure_mark(p);
	secure_require(class, p);
	if (unlikely(!__atomic_compare_exchange_n(mark_of(class, p), &mark, 0, false,
	                                          __ATOMIC_ACQ_REL, __ATOMIC_RELAXED) ||
	             (alone && !live_end(p)))) /* another thread was first */
		span_report(class, p);
	memset(p, 0, size_class_size(class));
	void *out = exchange(class, p);
	if (out)
		release(class, out);
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

static void flush_ready(unsigned class, struct pool *pool)
{
	lock_take(&pool->lock);
	if (pool->ready_count)
		span_drain(class, pool->ready, pool->ready_count);
	pool->ready_count = 0;
	lock_give(&pool->lock);
}

void secure_flush(void)
{
	void *p;
	for (unsigned c = 1; on && c < HAK_CLASS_COUNT; c++) {
		flush_ready(c, &pools[c]);
		while (gauge_get(pools[c].count) && take_waiting(&pools[c], &p))
			release(c, p);
	}
}

size_t secure_waiting(unsigned class)
{
	return gauge_get(pools[class].count) + gauge_get(pools[class].ready_count);
}

static bool is_here(unsigned class, const void *p)
{
	return address_map_class(p) == class && !(alone && live_get(p)) && is_clear(class, p) &&
	       span_may_be_out(class, p);
}

bool secure_is_valid(unsigned class)
{
	const struct pool *pool = &pools[class];
	bool valid = pool->count <= waiting_max(class) && pool->ready_count <= READY_MAX;
	for (uint32_t i = 0; valid && i < pool->count; i++)
		valid = is_here(class, pool->blocks[i]);
	for (uint32_t i = 0; valid && i < pool->ready_count; i++)
		valid = is_here(class, pool->ready[i]);
	return valid;
}

void secure_each(unsigned class, void (*visit)(const void *p, void *about), void *about)
{
	const struct pool *pool = &pools[class];
	for (uint32_t i = 0; i < pool->count; i++)
		visit(pool->blocks[i], about);
	for (uint32_t i = 0; i < pool->ready_count; i++)
		visit(pool->ready[i], about);
}

/* --- sized frees ------------------------------------------------------------------------------ */

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
