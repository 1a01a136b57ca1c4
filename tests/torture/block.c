/* SPDX-License-Identifier: MIT */
/* A block of the torture: how it comes, what is in it, how it is checked and goes. */
#include "torture.h"

#include <string.h>

#include "api.h"

enum {
	DENSE_WORDS = 512, /* of larger blocks, the ends and some words between them are used */
	EDGE_WORDS = 16,
	STRIDE_WORDS = 32,
	ZERO_ALL = 1 << 20, /* larger ones are looked at a word in eight */
};

struct table tables[TABLES];

static struct cell {
	atomic_bool busy;
	struct held held;
} exchange[CELLS];

static uint64_t word_at(uint64_t seed, uintptr_t address)
{
	return (seed ^ address) * 0xd6e8feb86659fd93;
}

/*
 * The word after word `i` of a block that was filled at `base`. Which words of a large block are
 * used depends on their addresses, so two blocks that overlap use the same ones.
 */
static size_t next_word(uintptr_t base, size_t words, size_t i)
{
	i++;
	if (words <= DENSE_WORDS || i < EDGE_WORDS || i >= words - EDGE_WORDS)
		return i;
	size_t skip = -(base / 8 + i) % STRIDE_WORDS;
	return i + skip < words - EDGE_WORDS ? i + skip : words - EDGE_WORDS;
}

static void fill(unsigned char *p, const struct held *held)
{
	uintptr_t base = (uintptr_t)p;
	size_t words = held->size / 8;
	for (size_t i = 0; i < words; i = next_word(base, words, i))
		((uint64_t *)p)[i] = word_at(held->seed, base + i * 8);
	for (size_t i = words * 8; i < held->size; i++)
		p[i] = (unsigned char)(word_at(held->seed, base + i) >> 32);
}

static void report(const struct held *held, uintptr_t base, size_t at, uint64_t want, uint64_t got,
                   const char *when)
{
	error("%s: block %#lx of %zu bytes, made by thread %u: at %zu there is %#lx instead of %#lx",
	      when, base, held->size, held->owner, at, got, want);
}

/* Of the block's bytes up to `stop_at`, which now lie at `p` and were filled at `base`. */
static void check(const unsigned char *p, uintptr_t base, const struct held *held, size_t stop_at,
                  const char *when)
{
	size_t words = held->size / 8;
	for (size_t i = 0; i < words && i * 8 + 8 <= stop_at; i = next_word(base, words, i)) {
		uint64_t want = word_at(held->seed, base + i * 8), got = ((const uint64_t *)p)[i];
		if (got != want) {
			report(held, base, i * 8, want, got, when);
			return;
		}
	}
	for (size_t i = words * 8; i < held->size && i < stop_at; i++) {
		unsigned char want = (unsigned char)(word_at(held->seed, base + i) >> 32);
		if (p[i] != want) {
			report(held, base, i, want, p[i], when);
			return;
		}
	}
}

static void check_zero(const unsigned char *p, size_t n)
{
	size_t step = n <= ZERO_ALL ? 8 : 64, i;
	for (i = 0; i + 8 <= n; i += step)
		if (*(const uint64_t *)(p + i)) {
			error("calloc of %zu bytes: %p is not zero at %zu", n, (const void *)p, i);
			return;
		}
	for (i = n & ~(size_t)7; i < n; i++)
		if (p[i])
			error("calloc of %zu bytes: %p is not zero at %zu", n, (const void *)p, i);
}

static void refused(unsigned squeeze, const char *what, size_t size, size_t align)
{
	int err = errno;
	if (!(squeeze & 1) && squeeze == squeezes)
		error("%s(%zu, align %zu) returned NULL, errno %d", what, size, align, err);
	else if (err != ENOMEM)
		error("%s(%zu, align %zu) returned NULL and errno %d", what, size, align, err);
}

/* The record becomes a block's. */
static void hold(struct torturer *t, struct held *held, unsigned char *p, size_t size)
{
	held->size = size;
	held->seed = draw(&t->random);
	held->owner = t->id;
	fill(p, held);
	atomic_store_explicit(&held->p, p, memory_order_release);
	if (t->table)
		t->table->bytes += size;
}

/* And is one no more. */
static unsigned char *let_go(struct torturer *t, struct held *held)
{
	unsigned char *p = held->p;
	atomic_store_explicit(&held->p, NULL, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	if (t->table)
		t->table->bytes -= held->size;
	return p;
}

void block_make(struct torturer *t, struct held *held, size_t size, size_t align)
{
	unsigned way = draw(&t->random) % 16, squeeze = squeezes;
	unsigned char *p;
	if (align) {
		p = api_aligned(align, size);
	} else if (way < 3) {
		p = api_calloc(1, size);
		if (p)
			check_zero(p, size);
	} else if (way == 3) {
		p = api_realloc(NULL, size);
	} else {
		p = api_malloc(size);
	}
	if (!p) {
		refused(squeeze, align ? "aligned" : "malloc", size, align);
		return;
	}
	if ((uintptr_t)p % (align > 16 ? align : 16))
		error("block %p of %zu bytes is not aligned to %zu", (void *)p, size,
		      align ? align : 16);
	if (way % 4 == 0) {
		size_t usable = api_usable(p);
		if (usable < size)
			error("block %p of %zu bytes has %zu", (void *)p, size, usable);
		if (way == 4)
			size = usable;
	}
	hold(t, held, p, size);
}

void block_check(const struct held *held, const char *when)
{
	const unsigned char *p = atomic_load_explicit(&held->p, memory_order_acquire);
	if (p)
		check(p, (uintptr_t)p, held, held->size, when);
}

void block_free(struct torturer *t, struct held *held)
{
	block_check(held, "before free");
	unsigned char *p = let_go(t, held);
	if (held->size >= 16)
		memset(p, 0xdb, 16);
	api_free(p);
}

void block_resize(struct torturer *t, struct held *held, size_t size)
{
	unsigned squeeze = squeezes;
	unsigned char *old = let_go(t, held);
	uintptr_t base = (uintptr_t)old;
	check(old, base, held, held->size, "before realloc");
	unsigned char *p = api_realloc(old, size);
	if (!p) {
		refused(squeeze, "realloc", size, 0);
		check(old, base, held, held->size, "after a realloc without memory");
		hold(t, held, old, held->size);
		return;
	}
	if ((uintptr_t)p % 16)
		error("block %p of %zu bytes is not aligned", (void *)p, size);
	check(p, base, held, size < held->size ? size : held->size, "after realloc");
	hold(t, held, p, size);
}

void exchange_swap(struct torturer *t, struct held *held)
{
	struct cell *cell = &exchange[below(&t->random, CELLS)];
	if (atomic_exchange_explicit(&cell->busy, true, memory_order_acquire))
		return;
	struct held mine = {.p = NULL};
	if (held->p) {
		mine.size = held->size;
		mine.seed = held->seed;
		mine.owner = held->owner;
		mine.p = let_go(t, held);
	}
	if (cell->held.p) {
		held->size = cell->held.size;
		held->seed = cell->held.seed;
		held->owner = cell->held.owner;
		if (t->table)
			t->table->bytes += held->size;
		held->p = atomic_exchange(&cell->held.p, NULL);
	}
	cell->held.size = mine.size;
	cell->held.seed = mine.seed;
	cell->held.owner = mine.owner;
	cell->held.p = mine.p;
	atomic_store_explicit(&cell->busy, false, memory_order_release);
}

void check_all(const char *when)
{
	for (unsigned i = 0; i < TABLES * SLOTS; i++)
		block_check(&tables[i / SLOTS].held[i % SLOTS], when);
	for (unsigned i = 0; i < CELLS; i++)
		if (!exchange[i].busy)
			block_check(&exchange[i].held, when);
}

void free_all(struct torturer *t)
{
	for (unsigned i = 0; i < TABLES * SLOTS; i++)
		if (tables[i / SLOTS].held[i % SLOTS].p)
			block_free(t, &tables[i / SLOTS].held[i % SLOTS]);
	for (unsigned i = 0; i < CELLS; i++)
		if (!exchange[i].busy && exchange[i].held.p)
			block_free(t, &exchange[i].held);
}
