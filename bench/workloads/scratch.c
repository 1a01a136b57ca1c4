/* SPDX-License-Identifier: MIT */
/*
 * scratch: passive false sharing, after Hoard's cache-scratch. One thread allocates some small
 * blocks for each worker, neighbours for different ones; a worker frees one, allocates another and
 * writes to it many times, again and again. (cache-scratch has one block for each; whether two of
 * them share a line is then a matter of luck.) Where an allocator gives each thread a part of the
 * same cache line, the line goes to and fro between the processors, and an operation takes several
 * times as long as with one thread. What malloc and free themselves cost does not show here.
 */
#include <stdlib.h>

#include "bench/workloads/bench.h"
#include "bench/workloads/touch.h"
#include "bench/workloads/list.h"

enum { BLOCK = 8, BLOCKS = 8, WRITES = 1000, LINE = 64 };

struct scratch {
	unsigned next;
	void *block[BLOCKS];
};

static void *fresh_block(void)
{
	void *block = malloc(BLOCK);
	touch_block(block, BLOCK, TOUCH_LEAST);
	return block;
}

/* In turn, so that neighbours are different workers'. */
static void scratch_make(struct worker *workers)
{
	for (unsigned i = 0; i < workers->workers; i++)
		workers[i].state = bench_map(sizeof(struct scratch));
	for (unsigned j = 0; j < BLOCKS; j++)
		for (unsigned i = 0; i < workers->workers; i++)
			((struct scratch *)workers[i].state)->block[j] = fresh_block();
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
		void **block = &scratch->block[scratch->next++ % BLOCKS];
		free(*block);
		*block = fresh_block();
		write_to(*block);
	}
	return (ops + 1) & ~1ull;
}

/* Whether another worker has a block in the cache line of this one. */
static bool is_shared(struct worker *workers, unsigned owner, const void *block)
{
	for (unsigned i = 0; i < workers->workers; i++)
		for (unsigned j = 0; i != owner && j < BLOCKS; j++)
			if ((uintptr_t)((struct scratch *)workers[i].state)->block[j] / LINE ==
			    (uintptr_t)block / LINE)
				return true;
	return false;
}

/* What the times only hint at, and not at all where the threads have to share a processor. */
static void scratch_settle(struct worker *workers)
{
	uint64_t shared = 0;
	for (unsigned i = 0; i < workers->workers; i++)
		for (unsigned j = 0; j < BLOCKS; j++)
			shared += is_shared(workers, i,
			                    ((struct scratch *)workers[i].state)->block[j]);
	bench_count("shared_blocks", "blocks lie in a cache line with another thread's", shared);
}

static void scratch_close(struct worker *worker)
{
	struct scratch *scratch = worker->state;
	for (int i = 0; i < BLOCKS; i++)
		free(scratch->block[i]);
	bench_unmap(scratch, sizeof(*scratch));
}

const struct workload workload_scratch = {
        .name = "scratch",
        .help = "threads write to small blocks that began next to each other",
        .batch = 256,
        .warm_ops = 2 * BLOCKS,
        .open = scratch_open,
        .run = scratch_run,
        .settle = scratch_settle,
        .close = scratch_close,
};
