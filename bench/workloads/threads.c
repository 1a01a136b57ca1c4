/* SPDX-License-Identifier: MIT */
/* larson and threads: blocks outlive the threads that allocated them. */
#include <pthread.h>
#include <stdlib.h>

#include "bench/workloads/bench.h"
#include "bench/workloads/touch.h"
#include "bench/workloads/list.h"

enum {
	/* The parameters everybody publishes larson with: `larson 5 8 1000 5000 100 4141 N`. */
	LARSON_LOW = 8,
	LARSON_HIGH = 1000,
	LARSON_BLOCKS = 5000,
	LARSON_ROUNDS = 100,
	LARSON_SEED = 4141,
	LARSON_REPLACED = 4, /* how often, in the mean, before the threads begin */
	SHORT_BLOCKS = 100,  /* of a short-lived thread */
};

static inline size_t larson_size(uint64_t draw)
{
	return LARSON_LOW + random_low(draw, LARSON_HIGH - LARSON_LOW + 1);
}

/* A generation: one thread's life. It inherits the blocks of the one before it. */
struct generation {
	struct worker *worker;
	uint64_t ops; /* wanted */
	uint64_t done;
	void *block[LARSON_BLOCKS];
};

static void generation_open(struct worker *worker)
{
	struct generation *generation = bench_map(sizeof(*generation));
	generation->worker = worker;
	worker->state = generation;
}

/*
 * As larson's warm-up does it: one thread allocates the blocks of all, and replaces each of them
 * some times in random order, before anybody else has one.
 */
static struct generation *larson_generation(struct worker *worker)
{
	struct generation *generation = bench_map(sizeof(*generation));
	struct random random = random_seed(worker->options->seed, LARSON_SEED + worker->index);
	generation->worker = worker;
	for (int i = 0; i < LARSON_BLOCKS * (1 + LARSON_REPLACED); i++) {
		uint64_t draw = random_next(&random);
		void **block =
		        &generation->block[i < LARSON_BLOCKS ? (uint32_t)i
		                                             : random_high(draw, LARSON_BLOCKS)];
		size_t size = larson_size(draw);
		free(*block);
		*block = malloc(size);
		touch_block(*block, size, TOUCH_LEAST);
	}
	return generation;
}

static void larson_make(struct worker *workers)
{
	for (unsigned i = 0; i < workers->workers; i++)
		workers[i].state = larson_generation(&workers[i]);
}

static void larson_open(struct worker *worker)
{
	bench_open_all(worker, larson_make);
}

static void generation_close(struct worker *worker)
{
	struct generation *generation = worker->state;
	for (int i = 0; i < LARSON_BLOCKS; i++)
		free(generation->block[i]);
	bench_unmap(generation, sizeof(*generation));
}

/* The worker waits for the thread, so that there are as many busy threads as workers. */
static uint64_t generation_run(struct worker *worker, void *(*life)(void *), uint64_t ops)
{
	struct generation *generation = worker->state;
	pthread_t thread;
	generation->ops = ops;
	if (pthread_create(&thread, NULL, life, generation))
		bench_fail("pthread_create");
	pthread_join(thread, NULL);
	return generation->done;
}

static void *larson_life(void *argument)
{
	struct generation *generation = argument;
	struct random random = generation->worker->random;
	size_t touch = generation->worker->options->touch;
	uint64_t done;
	for (done = 0; done < generation->ops; done += 2) {
		uint64_t draw = random_next(&random);
		void **block = &generation->block[random_high(draw, LARSON_BLOCKS)];
		size_t size = larson_size(draw);
		free(*block);
		*block = malloc(size);
		touch_block(*block, size, touch);
	}
	generation->done = done;
	generation->worker->random = random;
	return NULL;
}

static uint64_t larson_run(struct worker *worker, uint64_t ops)
{
	uint64_t life = 2ull * LARSON_BLOCKS * LARSON_ROUNDS;
	return generation_run(worker, larson_life, ops < life ? ops : life);
}

static void *short_life(void *argument)
{
	struct generation *generation = argument;
	struct random *random = &generation->worker->random;
	uint64_t done = 0;
	/* Half of the blocks are freed by their own thread, half by the next. */
	for (int i = 0; i < SHORT_BLOCKS; i++) {
		size_t size = 16 + random_low(random_next(random), 1024);
		done += generation->block[i] ? 2 : 1;
		free(generation->block[i]);
		generation->block[i] = malloc(size);
		touch_block(generation->block[i], size, TOUCH_LEAST);
	}
	for (int i = 0; i < SHORT_BLOCKS; i += 2, done++) {
		free(generation->block[i]);
		generation->block[i] = NULL;
	}
	generation->done = done;
	return NULL;
}

static uint64_t threads_run(struct worker *worker, uint64_t ops)
{
	uint64_t done = 0;
	while (done < ops)
		done += generation_run(worker, short_life, ops);
	return done;
}

const struct workload workload_larson = {
        .name = "larson",
        .help = "5000 blocks of 8..1000 bytes go from thread to thread (classic)",
        .batch = UINT64_MAX,
        .warm_ops = 20000,
        .open = larson_open,
        .run = larson_run,
        .close = generation_close,
};

const struct workload workload_threads = {
        .name = "threads",
        .help = "threads that live for about 250 operations",
        .batch = 1000,
        .warm_ops = 2500,
        .open = generation_open,
        .run = threads_run,
        .close = generation_close,
};
