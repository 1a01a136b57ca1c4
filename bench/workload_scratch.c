/* SPDX-License-Identifier: MIT */
/*
 * scratch: passive false sharing, after Hoard's cache-scratch. One thread allocates a small block
 * for each worker, next to each other; the worker frees it, allocates one of its own and writes to
 * it many times, again and again. Where an allocator gives each thread a part of the same cache
 * line, the line goes to and fro between the processors, and an operation takes several times as
 * long as with one thread. What malloc and free themselves cost does not show here.
 */
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/touch.h"
#include "bench/workload_list.h"

enum { BLOCK = 8, WRITES = 1000 };

struct scratch {
	void *block;
};

static void *scratch_make(struct worker *worker)
{
	struct scratch *scratch = bench_map(sizeof(*scratch));
	(void)worker;
	scratch->block = malloc(BLOCK);
	touch_block(scratch->block, BLOCK, TOUCH_LEAST);
	return scratch;
}

static void scratch_open(struct worker *worker)
{
	bench_open_all(worker, scratch_make);
}

static void write_to(volatile char *block)
{
	for (int i = 0; i < WRITES; i++)
		for (int j = 0; j < BLOCK; j++)
			block[j]++;
}

static uint64_t scratch_run(struct worker *worker, uint64_t ops)
{
	struct scratch *scratch = worker->state;
	for (uint64_t i = 0; i < ops; i += 2) {
		free(scratch->block);
		scratch->block = malloc(BLOCK);
		touch_block(scratch->block, BLOCK, TOUCH_LEAST);
		write_to(scratch->block);
	}
	return (ops + 1) & ~1ull;
}

static void scratch_close(struct worker *worker)
{
	struct scratch *scratch = worker->state;
	free(scratch->block);
	bench_unmap(scratch, sizeof(*scratch));
}

const struct workload workload_scratch = {
        .name = "scratch",
        .help = "threads write to small blocks that began next to each other",
        .batch = 256,
        .warm_ops = 2,
        .open = scratch_open,
        .run = scratch_run,
        .close = scratch_close,
};
