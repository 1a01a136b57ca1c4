/* SPDX-License-Identifier: MIT */
/*
 * One block of one size is allocated and freed again and again: every operation hits the thread's
 * cache. This is what icount measures a single malloc and a single free with. Some blocks of the
 * same size stay allocated all the time, because some allocators give a page back, at a cost, when
 * the last block in it is freed; that would not be a hit.
 */
#include <stdlib.h>

#include "bench/workloads/bench.h"
#include "bench/workloads/touch.h"
#include "bench/workloads/list.h"

enum { KEPT = 32 };

struct hit {
	void *volatile place; /* the block goes through memory, as in a program */
	void *kept[KEPT];
	uint64_t null_block[8];
};

static void hit_open(struct worker *worker)
{
	struct hit *hit = bench_map(sizeof(*hit));
	for (int i = 0; i < KEPT; i++)
		hit->kept[i] = malloc(worker->options->size);
	worker->state = hit;
}

static inline __attribute__((always_inline)) uint64_t pairs(struct worker *worker, uint64_t ops,
                                                            bool null)
{
	struct hit *hit = worker->state;
	size_t size = worker->options->size;
	for (uint64_t i = 0; i < ops; i += 2) {
		void *block = null ? hit->null_block : malloc(size);
		touch_block(block, size, TOUCH_LEAST);
		hit->place = block;
		block = hit->place;
		if (!null)
			free(block);
	}
	return (ops + 1) & ~1ull;
}

static uint64_t hit_run(struct worker *worker, uint64_t ops)
{
	return worker->options->null ? pairs(worker, ops, true) : pairs(worker, ops, false);
}

static void hit_close(struct worker *worker)
{
	struct hit *hit = worker->state;
	for (int i = 0; i < KEPT; i++)
		free(hit->kept[i]);
	bench_unmap(hit, sizeof(*hit));
}

const struct workload workload_hit = {
        .name = "hit",
        .help = "malloc and free of one size (--size), all hits",
        .batch = 8192,
        .warm_ops = 2000,
        .null = 1,
        .open = hit_open,
        .run = hit_run,
        .close = hit_close,
};
