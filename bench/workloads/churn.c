/* SPDX-License-Identifier: MIT */
/*
 * Churn: the mix of sizes changes from phase to phase while the live bytes stay about the same,
 * then all of it dies and a tenth is allocated anew. What is left mapped after each phase shows how
 * well memory made for one size serves another, and comes back. The blocks of a phase die at
 * random during the next, except that the last phase begins with nothing.
 */
#include <stdlib.h>
#include <time.h>

#include "bench/workloads/bench.h"
#include "bench/base/resources.h"
#include "bench/workloads/touch.h"
#include "bench/workloads/list.h"

enum {
	LIVE = 16 << 20,     /* bytes per worker */
	PHASE_OPS = 1 << 19, /* per worker */
	LEAST = 32,
	CELLS = LIVE / LEAST,
	SETTLE_MS = 2000,
	SETTLE_STEP_MS = 20,
	SETTLE_BLOCKS = 200,
};

/* Sizes are log-uniform in [2^low, 2^high). */
static const struct phase {
	const char *name;
	unsigned low, high;
	size_t live;
	bool afresh; /* begins by freeing all that there is */
} phases[] = {
        {"small", 5, 8, LIVE, false},       {"medium", 8, 12, LIVE, false},
        {"big", 12, 15, LIVE, false},       {"mix", 5, 15, LIVE, false},
        {"small again", 5, 8, LIVE, false}, {"fade", 5, 8, LIVE / 10, true},
};
enum { PHASES = sizeof(phases) / sizeof(phases[0]) };

struct churn {
	uint64_t ops;   /* so far */
	uint64_t count; /* live blocks: block[0..count) */
	bool clearing;  /* the phase began by freeing all, and is at it */
	void *block[CELLS];
};

/* RSS of the process with hakbench's own tables, before the first block. */
static _Atomic uint64_t rss_before;

static void churn_open(struct worker *worker)
{
	struct churn *churn = bench_map(sizeof(*churn));
	touch_pages(churn, sizeof(*churn));
	churn->block[0] = NULL;
	churn->ops = churn->count = 0;
	churn->clearing = false;
	worker->state = churn;
	/* With several workers the last one's reading counts: it has everybody's table in it. */
	rss_before = resources_rss();
}

static uint64_t live_bytes(const struct worker *workers)
{
	uint64_t bytes = 0;
	for (unsigned i = 0; i < workers[0].workers; i++)
		bytes += workers[i].live_bytes;
	return bytes;
}

static void note_rss(const char *name, const struct worker *workers)
{
	uint64_t rss = resources_rss();
	bench_note(name, rss > rss_before ? rss - rss_before : 0, live_bytes(workers));
}

/* A block remembers its size in its first 8 bytes. */
static void churn_step(struct worker *worker, struct churn *churn, const struct phase *phase)
{
	uint64_t draw = random_next(&worker->random);
	churn->clearing =
	        churn->count && (churn->clearing || (phase->afresh && churn->ops % PHASE_OPS == 0));
	if (!churn->clearing && worker->live_bytes < phase->live && churn->count < CELLS) {
		size_t size = random_log(draw, phase->low, phase->high);
		void *block = malloc(size);
		touch_pages(block, size);
		*(uint64_t *)block = size;
		churn->block[churn->count++] = block;
		atomic_store_explicit(&worker->live_bytes, worker->live_bytes + size,
		                      memory_order_relaxed);
	} else {
		void **chosen = &churn->block[random_high(draw, (uint32_t)churn->count)];
		uint64_t size = *(uint64_t *)*chosen;
		free(*chosen);
		*chosen = churn->block[--churn->count];
		atomic_store_explicit(&worker->live_bytes, worker->live_bytes - size,
		                      memory_order_relaxed);
	}
}

static uint64_t churn_run(struct worker *worker, uint64_t ops)
{
	struct churn *churn = worker->state;
	for (uint64_t i = 0; i < ops; i++) {
		const struct phase *phase = &phases[churn->ops / PHASE_OPS % PHASES];
		churn_step(worker, churn, phase);
		/* Worker 0 is the first of the array of all workers. */
		if (++churn->ops % PHASE_OPS == 0 && worker->index == 0)
			note_rss(phase->name, worker);
	}
	return ops;
}

/*
 * Two seconds with a little traffic, 20000 operations/s, as of a server that is nearly idle:
 * allocators without a thread of their own return memory only when they are called.
 */
static void churn_settle(struct worker *workers)
{
	struct timespec step = {0, SETTLE_STEP_MS * 1000000L};
	for (int i = 0; i < SETTLE_MS / SETTLE_STEP_MS; i++) {
		void *block[SETTLE_BLOCKS];
		for (int j = 0; j < SETTLE_BLOCKS; j++)
			block[j] = malloc(16 + random_low(random_next(&workers->random), 1024));
		for (int j = 0; j < SETTLE_BLOCKS; j++)
			free(block[j]);
		nanosleep(&step, NULL);
	}
	note_rss("2 s later", workers);
}

static void churn_close(struct worker *worker)
{
	struct churn *churn = worker->state;
	for (uint64_t i = 0; i < churn->count; i++)
		free(churn->block[i]);
	bench_unmap(churn, sizeof(*churn));
}

const struct workload workload_churn = {
        .name = "churn",
        .help = "six phases of different sizes, 16 MiB live; RSS after each",
        .batch = 4096,
        .warm_ops = 0,
        .default_ops = (uint64_t)PHASE_OPS * PHASES,
        .open = churn_open,
        .run = churn_run,
        .settle = churn_settle,
        .close = churn_close,
};
