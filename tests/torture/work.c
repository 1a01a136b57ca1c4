/* SPDX-License-Identifier: MIT */
/* The roles that allocate and free. */
#include "torture.h"

#include "api.h"

/* What sizes a phase draws, how many operations it has, and how often it comes. */
enum sizes { ONE_CLASS, SMALL, MEDIUM, EDGES, PAGES, LARGE, HUGE, ALIGNED, ANY, SIZES };

static const struct kind {
	unsigned operations, weight;
	const char *name;
} kinds[SIZES] = {
        [ONE_CLASS] = {40000, 8, "one class"},
        [SMALL] = {20000, 6, "small"},
        [MEDIUM] = {8000, 4, "medium"},
        [EDGES] = {4000, 3, "powers of two"},
        [PAGES] = {2000, 2, "pages"},
        [LARGE] = {100, 2, "large"},
        [HUGE] = {16, 1, "huge"},
        [ALIGNED] = {1000, 2, "aligned"},
        [ANY] = {1000, 2, "any"},
};

struct phase {
	enum sizes sizes;
	size_t size; /* of ONE_CLASS */
};

/* 2^first .. 2^last, each power as likely as the others. */
static size_t log_uniform(uint64_t *random, unsigned first, unsigned last)
{
	unsigned power = first + (unsigned)below(random, last - first);
	return ((size_t)1 << power) + below(random, (uint64_t)1 << power);
}

static size_t draw_size(struct torturer *t, const struct phase *phase)
{
	uint64_t *random = &t->random;
	switch (phase->sizes) {
	case ONE_CLASS:
		return phase->size;
	case SMALL:
		return below(random, 1025);
	case MEDIUM:
		return log_uniform(random, 0, 15);
	case EDGES:
		return ((size_t)1 << (3 + below(random, 15))) - 1 + below(random, 3);
	case PAGES:
		return 4096 * (1 + below(random, 40)) - 8 * below(random, 3);
	case LARGE:
		return log_uniform(random, 15, 21);
	case HUGE:
		return log_uniform(random, 20, 23);
	default:
		return log_uniform(random, 0, below(random, 8) ? 14 : 21);
	}
}

static size_t draw_align(struct torturer *t, const struct phase *phase)
{
	if (phase->sizes != ALIGNED && (phase->sizes != ANY || below(&t->random, 8)))
		return 0;
	return (size_t)8 << below(&t->random, below(&t->random, 16) ? 12 : 20);
}

static struct phase draw_phase(struct torturer *t)
{
	unsigned total = 0, pick;
	for (unsigned i = 0; i < SIZES; i++)
		total += kinds[i].weight;
	pick = (unsigned)below(&t->random, total);
	struct phase phase = {.sizes = 0};
	while (pick >= kinds[phase.sizes].weight)
		pick -= kinds[phase.sizes++].weight;
	phase.size = log_uniform(&t->random, 0, below(&t->random, 4) ? 9 : 15);
	return phase;
}

static void make_one(struct torturer *t, struct held *held, const struct phase *phase)
{
	if (t->table->bytes < TABLE_BYTES)
		block_make(t, held, draw_size(t, phase), draw_align(t, phase));
}

/* Each operation on a record drawn at random. */
static void scatter(struct torturer *t, const struct phase *phase, unsigned operations)
{
	unsigned slots = 1u << (4 + below(&t->random, 7));
	for (unsigned i = 0; i < operations; i++) {
		struct held *held = &t->table->held[below(&t->random, slots)];
		unsigned what = draw(&t->random) % 32;
		if (what == 0)
			exchange_swap(t, held);
		else if (!held->p)
			make_one(t, held, phase);
		else if (what < 4 && t->table->bytes < TABLE_BYTES)
			block_resize(t, held, draw_size(t, phase) + 1);
		else if (what < 6)
			block_check(held, "in passing");
		else
			block_free(t, held);
	}
	t->operations += operations;
}

static struct held *nth(struct torturer *t, unsigned i, unsigned n, unsigned order)
{
	unsigned at = order == 0 ? i : order == 1 ? n - 1 - i : (i * 617) % SLOTS;
	return &t->table->held[at];
}

/* Many are made, then all are freed: as they came, the other way round, or at random. */
static void surge(struct torturer *t, const struct phase *phase, unsigned operations)
{
	while (operations) {
		unsigned order = (unsigned)below(&t->random, 3);
		unsigned n = order == 2 ? SLOTS : 1 + (unsigned)below(&t->random, SLOTS);
		unsigned step = n < operations ? n : operations;
		for (unsigned i = 0; i < step; i++)
			if (!t->table->held[i].p)
				make_one(t, &t->table->held[i], phase);
		for (unsigned i = 0; i < n; i++)
			if (nth(t, i, n, order)->p)
				block_free(t, nth(t, i, n, order));
		t->operations += step + n;
		operations -= step;
	}
}

/* What hits the hot path only, nearly: a few blocks of one size, by turns. */
static void spin(struct torturer *t, const struct phase *phase, unsigned operations)
{
	size_t size = phase->size;
	unsigned depth = 1 + (unsigned)below(&t->random, 16);
	uint64_t *blocks[16];
	for (unsigned i = 0; i < operations; i += depth) {
		unsigned squeeze = squeezes;
		for (unsigned k = 0; k < depth; k++) {
			blocks[k] = api_malloc(size + 8);
			if (blocks[k])
				*blocks[k] = (uintptr_t)&blocks[k] + i;
			else if (!(squeeze & 1) && squeeze == squeezes)
				error("malloc(%zu) returned NULL", size + 8);
		}
		for (unsigned k = 0; k < depth; k++) {
			if (blocks[k] && *blocks[k] != (uintptr_t)&blocks[k] + i)
				error("block %p of %zu bytes is somebody else's", (void *)blocks[k],
				      size + 8);
			api_free(blocks[k]);
		}
	}
	t->operations += 2ull * operations;
}

void work(struct torturer *t)
{
	struct phase phase = draw_phase(t);
	unsigned operations = 1 + (unsigned)below(&t->random, kinds[phase.sizes].operations);
	t->doing = kinds[phase.sizes].name;
	if (phase.sizes == ONE_CLASS && below(&t->random, 2))
		spin(t, &phase, operations);
	else if (below(&t->random, 2))
		scatter(t, &phase, operations);
	else
		surge(t, &phase, operations);
	t->doing = "between phases";
}

void worker(struct torturer *t)
{
	while (!stop)
		work(t);
}

void pool(struct torturer *t)
{
	while (!stop) {
		work(t);
		t->doing = "asleep";
		pause_us(below(&t->random, 100000));
	}
}

/* Of one size for a while: whole magazines go from thread to thread. */
void producer(struct torturer *t)
{
	while (!stop) {
		struct phase phase = draw_phase(t);
		if (phase.sizes >= LARGE)
			phase.sizes = ONE_CLASS;
		t->doing = "producing";
		for (unsigned i = 0; i < 5000 && !stop; i++) {
			struct held *held = &t->table->held[i % 4];
			if (!held->p)
				make_one(t, held, &phase);
			exchange_swap(t, held);
			if (held->p && i % 4 == 3)
				block_free(t, held);
		}
		t->operations += 5000;
	}
}

void consumer(struct torturer *t)
{
	struct held *held = &t->table->held[0];
	unsigned in_vain = 0;
	while (!stop) {
		t->doing = "consuming";
		exchange_swap(t, held);
		if (held->p) {
			block_free(t, held);
			t->operations++;
			in_vain = 0;
		} else if (++in_vain > 2000) {
			pause_us(200);
			in_vain = 0;
		}
	}
}

/* In storms: others are to get something done as well. */
void trimmer(struct torturer *t)
{
	while (!stop) {
		unsigned trims = (unsigned)below(&t->random, 40);
		for (unsigned i = 0; i < trims && !stop; i++) {
			t->doing = "trimming";
			api_trim();
			t->operations++;
			t->doing = "pausing";
			pause_us(below(&t->random, 400));
		}
		pause_us(below(&t->random, 300000));
	}
}

void reader(struct torturer *t)
{
	while (!stop) {
		t->doing = "reading statistics";
		api_read();
		t->operations++;
		pause_us(below(&t->random, 5000));
	}
}
