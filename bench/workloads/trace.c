/* SPDX-License-Identifier: MIT */
/*
 * Trace: replays what a program did. Each recorded thread is a worker; a block is freed by the
 * thread that freed it, after the one that made it has made it. A pass is the whole trace; -n is
 * the number of passes. What the program never freed is freed between passes (counted as
 * operations), and after the last one (not counted), so that one pass is exactly the recorded
 * operations.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/workloads/bench.h"
#include "bench/workloads/touch.h"
#include "bench/trace/reader.h"
#include "bench/workloads/list.h"

enum { SPINS = 1000 };

/* A worker's part of the trace. */
struct step {
	uint32_t made;  /* object, or TRACE_NO_OBJECT */
	uint32_t ended; /* object, or TRACE_NO_OBJECT */
	uint8_t op, align_bits;
	uint64_t size;
};

struct part {
	uint64_t count;
	size_t bytes; /* of this mapping */
	struct step step[];
};

static struct {
	struct trace trace;
	void *_Atomic *objects;
	pthread_barrier_t barrier;
	bool again; /* set by worker 0 between barriers */
} replay;

unsigned trace_prepare(const char *path)
{
	const char *wrong = path ? trace_open(&replay.trace, path) : "--trace FILE is missing";
	if (wrong) {
		fprintf(stderr, "hakbench: trace %s: %s\n", path ? path : "", wrong);
		exit(2);
	}
	const struct trace_header *header = replay.trace.header;
	unsigned threads =
	        header->threads < BENCH_MAX_THREADS ? header->threads : BENCH_MAX_THREADS;
	replay.objects = bench_map((header->objects + 1) * sizeof(*replay.objects));
	touch_pages((void *)replay.objects, (header->objects + 1) * sizeof(*replay.objects));
	pthread_barrier_init(&replay.barrier, NULL, threads);
	return threads;
}

void trace_recorded(uint64_t *operations, uint64_t *bytes)
{
	*operations = replay.trace.header->records;
	*bytes = replay.trace.header->bytes;
}

static void trace_open_part(struct worker *worker)
{
	const struct trace *trace = &replay.trace;
	uint64_t count = 0, made = 0;
	for (uint64_t i = 0; i < trace->header->records; i++)
		count += trace->records[i].thread % worker->workers == worker->index;
	size_t bytes = sizeof(struct part) + count * sizeof(struct step);
	struct part *part = bench_map(bytes);
	*part = (struct part){.bytes = bytes};
	for (uint64_t i = 0; i < trace->header->records; i++) {
		const struct trace_record *record = &trace->records[i];
		bool makes = trace_makes_object(record->op);
		if (record->thread % worker->workers == worker->index)
			part->step[part->count++] = (struct step){
			        .made = makes ? (uint32_t)made : TRACE_NO_OBJECT,
			        .ended = record->object,
			        .op = record->op,
			        .align_bits = record->align_bits,
			        .size = record->size,
			};
		made += makes;
	}
	worker->state = part;
}

/* Takes the block of an object, when its maker has made it. */
static void *take(uint32_t object)
{
	if (object == TRACE_NO_OBJECT)
		return NULL;
	void *block = atomic_load_explicit(&replay.objects[object], memory_order_acquire);
	for (unsigned spins = 0; __builtin_expect(!block, 0); spins++) {
		if (spins < SPINS)
			__builtin_ia32_pause();
		else
			sched_yield();
		block = atomic_load_explicit(&replay.objects[object], memory_order_acquire);
	}
	atomic_store_explicit(&replay.objects[object], NULL, memory_order_relaxed);
	return block;
}

static void *perform_step(const struct step *step, void *ended)
{
	switch (step->op) {
	case TRACE_MALLOC:
		return malloc(step->size);
	case TRACE_CALLOC:
		return calloc(1, step->size);
	case TRACE_REALLOC:
		return realloc(ended, step->size);
	case TRACE_MEMALIGN:
		return memalign((size_t)1 << step->align_bits, step->size);
	default:
		free(ended);
		return NULL;
	}
}

static uint64_t replay_part(struct worker *worker)
{
	const struct part *part = worker->state;
	uint64_t bytes = 0;
	for (uint64_t i = 0; i < part->count; i++) {
		const struct step *step = &part->step[i];
		void *block = perform_step(step, take(step->ended));
		if (step->made == TRACE_NO_OBJECT)
			continue;
		if (__builtin_expect(step->size >= TOUCH_LEAST, 1))
			touch_block(block, step->size, worker->options->touch);
		else if (!block)
			bench_fail("malloc");
		bytes += step->size;
		atomic_store_explicit(&replay.objects[step->made], block, memory_order_release);
	}
	worker->requested_bytes += bytes;
	return part->count;
}

/* This worker's share of what is left; returns how many. */
static uint64_t free_rest(const struct worker *worker)
{
	uint64_t freed = 0, objects = replay.trace.header->objects;
	for (uint64_t i = worker->index; i < objects; i += worker->workers) {
		void *block = replay.objects[i];
		if (!block)
			continue;
		free(block);
		replay.objects[i] = NULL;
		freed++;
	}
	return freed;
}

static uint64_t trace_run(struct worker *worker, uint64_t passes)
{
	uint64_t done = 0;
	for (uint64_t pass = 1;; pass++) {
		done += replay_part(worker);
		pthread_barrier_wait(&replay.barrier);
		if (worker->index == 0)
			replay.again = pass < passes && !bench_expired(worker);
		pthread_barrier_wait(&replay.barrier);
		if (!replay.again)
			return done;
		done += free_rest(worker);
		pthread_barrier_wait(&replay.barrier);
	}
}

static void trace_close_part(struct worker *worker)
{
	struct part *part = worker->state;
	free_rest(worker);
	bench_unmap(part, part->bytes);
}

const struct workload workload_trace = {
        .name = "trace",
        .help = "replays a recorded trace (--trace FILE); -n: passes",
        .default_ops = 1,
        .whole = 1,
        .open = trace_open_part,
        .run = trace_run,
        .close = trace_close_part,
};
