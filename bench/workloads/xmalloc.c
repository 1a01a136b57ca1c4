/* SPDX-License-Identifier: MIT */
/*
 * xmalloc, after the test of Lever and Boreham (`xmalloc-test -w N -s 64`): half of the workers
 * allocate blocks of one size (--size) in batches, the other half frees whichever batch is there.
 * Unlike in pc, nobody knows whose blocks he frees, and a whole batch comes at once.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "bench/workloads/bench.h"
#include "bench/workloads/touch.h"
#include "bench/workloads/list.h"

enum { BATCH = 4096, BATCHES = 16 };

struct batch {
	struct batch *next;
	void *block[BATCH];
};

/* Two stacks under one lock, which is taken once per batch: 4096 operations do not see it. */
static struct {
	pthread_mutex_t lock;
	struct batch *full, *empty;
	struct batch all[BATCHES];
	bool ready;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void xmalloc_open(struct worker *worker)
{
	(void)worker;
	pthread_mutex_lock(&pool.lock);
	for (int i = 0; i < BATCHES && !pool.ready; i++) {
		pool.all[i].next = pool.empty;
		pool.empty = &pool.all[i];
	}
	pool.ready = true;
	pthread_mutex_unlock(&pool.lock);
}

static void push(struct batch **stack, struct batch *batch)
{
	pthread_mutex_lock(&pool.lock);
	batch->next = *stack;
	*stack = batch;
	pthread_mutex_unlock(&pool.lock);
}

/* NULL when the stack is empty. */
static struct batch *pop(struct batch **stack)
{
	pthread_mutex_lock(&pool.lock);
	struct batch *batch = *stack;
	if (batch)
		*stack = batch->next;
	pthread_mutex_unlock(&pool.lock);
	return batch;
}

/* NULL when time is up. */
static struct batch *wait_for(struct worker *worker, struct batch **stack)
{
	struct batch *batch;
	while (!(batch = pop(stack)) && !bench_expired(worker))
		sched_yield();
	return batch;
}

static void release(struct batch *batch)
{
	for (int i = 0; i < BATCH; i++)
		free(batch->block[i]);
	push(&pool.empty, batch);
}

static void allocate(struct batch *batch, const struct bench_options *options)
{
	for (int i = 0; i < BATCH; i++) {
		batch->block[i] = malloc(options->size);
		touch_block(batch->block[i], options->size, options->touch);
	}
	push(&pool.full, batch);
}

static uint64_t xmalloc_run(struct worker *worker, uint64_t ops)
{
	bool releases = worker->index % 2;
	uint64_t done = 0;
	while (done < ops) {
		struct batch *batch = wait_for(worker, releases ? &pool.full : &pool.empty);
		if (!batch)
			break;
		if (releases)
			release(batch);
		else
			allocate(batch, worker->options);
		done += BATCH;
	}
	return done;
}

static void xmalloc_close(struct worker *worker)
{
	struct batch *batch;
	(void)worker;
	while ((batch = pop(&pool.full)))
		release(batch);
}

const struct workload workload_xmalloc = {
        .name = "xmalloc",
        .help = "batches of 4096 blocks (--size) that any other thread frees",
        .batch = BATCH,
        .warm_ops = 8 * BATCH,
        .pairs = 1,
        .open = xmalloc_open,
        .run = xmalloc_run,
        .close = xmalloc_close,
};
