/* SPDX-License-Identifier: MIT */
/*
 * Slots: a table of pointers; an operation picks one at random, allocates into it when it is empty
 * and frees it when it is full; it begins with every other slot full. One loop for malloc, calloc
 * and for no allocator at all, made three times by the compiler, so that no test of the kind is in
 * the loop.
 */
#include <stdlib.h>

#include "bench/workloads/bench.h"
#include "bench/workloads/touch.h"
#include "bench/workloads/list.h"

enum { SLOTS = 400, LARGE_SLOTS = 16 };

/* Sizes are uniform in [low, low + range). */
struct slots {
	uint32_t low, range;
	uint32_t count;
	uint32_t null_stride;
	char *null_blocks; /* options.null: slot i always gets block i of these */
	void *slot[];
};

enum source { SOURCE_MALLOC, SOURCE_CALLOC, SOURCE_NULL };

static inline __attribute__((always_inline)) uint64_t toggle(struct worker *worker, uint64_t ops,
                                                             enum source source)
{
	struct slots *slots = worker->state;
	struct random random = worker->random;
	uint32_t low = slots->low, range = slots->range, count = slots->count;
	size_t touch = worker->options->touch;
	for (uint64_t i = 0; i < ops; i++) {
		uint64_t draw = random_next(&random);
		uint32_t index = random_high(draw, count);
		void *block = slots->slot[index];
		if (block) {
			slots->slot[index] = NULL;
			if (source != SOURCE_NULL)
				free(block);
			continue;
		}
		size_t size = low + random_low(draw, range);
		if (source == SOURCE_MALLOC)
			block = malloc(size);
		else if (source == SOURCE_CALLOC)
			block = calloc(1, size);
		else
			block = slots->null_blocks + (size_t)index * slots->null_stride;
		touch_block(block, size, touch);
		slots->slot[index] = block;
	}
	worker->random = random;
	return ops;
}

static uint64_t malloc_run(struct worker *worker, uint64_t ops)
{
	return worker->options->null ? toggle(worker, ops, SOURCE_NULL)
	                             : toggle(worker, ops, SOURCE_MALLOC);
}

static uint64_t calloc_run(struct worker *worker, uint64_t ops)
{
	return toggle(worker, ops, SOURCE_CALLOC);
}

static size_t bytes_of(uint32_t count)
{
	return sizeof(struct slots) + count * sizeof(void *);
}

/* Half full from the start: with many slots no warm-up would get there. */
static void fill(struct worker *worker, struct slots *slots)
{
	for (uint32_t i = 0; i < slots->count; i += 2) {
		size_t size = slots->low + random_low(random_next(&worker->random), slots->range);
		slots->slot[i] = worker->options->null
		                         ? slots->null_blocks + (size_t)i * slots->null_stride
		                         : malloc(size);
		touch_block(slots->slot[i], size, worker->options->touch);
	}
}

static struct slots *make_slots(struct worker *worker, uint32_t low, uint32_t high)
{
	uint32_t count = worker->options->slots ? worker->options->slots : SLOTS;
	struct slots *slots = bench_map(bytes_of(count));
	slots->low = low;
	slots->range = high - low + 1;
	slots->count = count;
	slots->null_stride = (high | 63) + 1;
	if (worker->options->null)
		slots->null_blocks = bench_map((size_t)count * slots->null_stride);
	worker->state = slots;
	return slots;
}

static void open_sizes(struct worker *worker, uint32_t low, uint32_t high)
{
	fill(worker, make_slots(worker, low, high));
}

static void mixed_open(struct worker *worker)
{
	open_sizes(worker, 16, 1039);
}

static void c6_open(struct worker *worker)
{
	open_sizes(worker, 257, 512);
}

static void c7_open(struct worker *worker)
{
	open_sizes(worker, 513, 1024);
}

static void tiny_open(struct worker *worker)
{
	open_sizes(worker, 8, 64);
}

/* Of the workloads whose slots begin empty; their sizes are their own. */
static void empty_open(struct worker *worker)
{
	make_slots(worker, 0, 0);
}

static void slots_close(struct worker *worker)
{
	struct slots *slots = worker->state;
	for (uint32_t i = 0; i < slots->count && !worker->options->null; i++)
		free(slots->slot[i]);
	if (slots->null_blocks)
		bench_unmap(slots->null_blocks, (size_t)slots->count * slots->null_stride);
	bench_unmap(slots, bytes_of(slots->count));
}

/* Fewer slots and log-uniform sizes: 64 KiB is as frequent as 4 MiB. */
static uint64_t large_run(struct worker *worker, uint64_t ops)
{
	struct slots *slots = worker->state;
	for (uint64_t i = 0; i < ops; i++) {
		uint64_t draw = random_next(&worker->random);
		void **slot = &slots->slot[draw >> 4 & (LARGE_SLOTS - 1)];
		if (*slot) {
			free(*slot);
			*slot = NULL;
			continue;
		}
		size_t size = random_log(draw, 16, 23);
		*slot = malloc(size);
		touch_block(*slot, size, worker->options->touch);
	}
	return ops;
}

/* Buffers that grow by half each time, to 1 MiB, and then shrink to 16 bytes: what a string or a
 * vector does to its allocator. They grow because they are full, so every page is written to. */
static uint64_t realloc_run(struct worker *worker, uint64_t ops)
{
	struct slots *slots = worker->state;
	for (uint64_t i = 0; i < ops; i++) {
		uint32_t index = random_high(random_next(&worker->random), LARGE_SLOTS);
		uint64_t *buffer = slots->slot[index];
		size_t size = buffer ? buffer[0] + buffer[0] / 2 : 16;
		if (size > 1 << 20)
			size = 16;
		slots->slot[index] = realloc(buffer, size);
		touch_pages(slots->slot[index], size);
		touch_block(slots->slot[index], size, TOUCH_LEAST);
	}
	return ops;
}

#define SLOTS_OF(id, text, open_sizes_of)       \
	const struct workload workload_##id = { \
	        .name = #id,                    \
	        .help = text,                   \
	        .batch = 4096,                  \
	        .warm_ops = 20000,              \
	        .null = 1,                      \
	        .slots = 1,                     \
	        .open = open_sizes_of,          \
	        .run = malloc_run,              \
	        .close = slots_close,           \
	}

SLOTS_OF(mixed, "400 slots, sizes uniform 16..1039", mixed_open);
SLOTS_OF(c6, "400 slots, sizes uniform 257..512", c6_open);
SLOTS_OF(c7, "400 slots, sizes uniform 513..1024", c7_open);
SLOTS_OF(tiny, "400 slots, sizes uniform 8..64", tiny_open);

const struct workload workload_calloc = {
        .name = "calloc",
        .help = "mixed with calloc",
        .batch = 4096,
        .warm_ops = 20000,
        .slots = 1,
        .open = mixed_open,
        .run = calloc_run,
        .close = slots_close,
};

const struct workload workload_large = {
        .name = "large",
        .help = "16 slots, sizes log-uniform 64 KiB..8 MiB",
        .batch = 64,
        .warm_ops = 500,
        .open = empty_open,
        .run = large_run,
        .close = slots_close,
};

const struct workload workload_realloc = {
        .name = "realloc",
        .help = "16 buffers that grow by half, 16 bytes..1 MiB",
        .batch = 256,
        .warm_ops = 2000,
        .open = empty_open,
        .run = realloc_run,
        .close = slots_close,
};
