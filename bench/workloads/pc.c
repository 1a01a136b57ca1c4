/* SPDX-License-Identifier: MIT */
/*
 * Producer and consumer: of two workers, the even one allocates and the odd one frees. They meet
 * in a ring whose positions are published once per GROUP blocks, so that the figure is the
 * allocator's and not the ring's.
 */
#include <sched.h>
#include <stdlib.h>

#include "bench/workloads/bench.h"
#include "bench/workloads/touch.h"
#include "bench/workloads/list.h"

enum { RING = 4096, GROUP = 64, PAIRS = BENCH_MAX_THREADS / 2, SPINS = 1000 };

struct ring {
	_Atomic uint64_t head __attribute__((aligned(128))); /* blocks put in, by the producer */
	_Atomic uint64_t tail __attribute__((aligned(128))); /* blocks taken out, by the consumer */
	void *block[RING] __attribute__((aligned(128)));
};

/* Static and therefore there before either worker of the pair. */
static struct ring rings[PAIRS];

static void pc_open(struct worker *worker)
{
	worker->state = &rings[worker->index / 2];
}

/*
 * Waits until `*position` has reached `wanted`; false when time is up. The partner may have no
 * CPU, so this yields after a while.
 */
static bool reached(struct worker *worker, _Atomic uint64_t *position, uint64_t wanted)
{
	for (unsigned spins = 0; atomic_load_explicit(position, memory_order_acquire) < wanted;
	     spins++) {
		if (spins < SPINS) {
			__builtin_ia32_pause();
			continue;
		}
		if (bench_expired(worker))
			return false;
		sched_yield();
	}
	return true;
}

static uint64_t produce(struct worker *worker, uint64_t ops)
{
	struct ring *ring = worker->state;
	uint64_t head = ring->head;
	for (uint64_t done = 0; done < ops; done += GROUP) {
		if (head + GROUP > RING && !reached(worker, &ring->tail, head + GROUP - RING))
			return done;
		for (int i = 0; i < GROUP; i++, head++) {
			size_t size = 16 + random_low(random_next(&worker->random), 1024);
			void *block = malloc(size);
			touch_block(block, size, worker->options->touch);
			ring->block[head % RING] = block;
		}
		atomic_store_explicit(&ring->head, head, memory_order_release);
	}
	return (ops + GROUP - 1) / GROUP * GROUP;
}

static uint64_t consume(struct worker *worker, uint64_t ops)
{
	struct ring *ring = worker->state;
	uint64_t tail = ring->tail;
	for (uint64_t done = 0; done < ops; done += GROUP) {
		if (!reached(worker, &ring->head, tail + GROUP))
			return done;
		for (int i = 0; i < GROUP; i++, tail++)
			free(ring->block[tail % RING]);
		atomic_store_explicit(&ring->tail, tail, memory_order_release);
	}
	return (ops + GROUP - 1) / GROUP * GROUP;
}

static uint64_t pc_run(struct worker *worker, uint64_t ops)
{
	return worker->index % 2 ? consume(worker, ops) : produce(worker, ops);
}

static void pc_close(struct worker *worker)
{
	struct ring *ring = worker->state;
	if (worker->index % 2)
		for (; ring->tail < ring->head; ring->tail++)
			free(ring->block[ring->tail % RING]);
}

const struct workload workload_pc = {
        .name = "pc",
        .help = "pairs of threads: one allocates 16..1039 bytes, the other frees",
        .batch = 4096,
        .warm_ops = 64 * GROUP,
        .pairs = 1,
        .open = pc_open,
        .run = pc_run,
        .close = pc_close,
};
