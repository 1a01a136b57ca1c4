/* SPDX-License-Identifier: MIT */
/*
 * The types that hakbench's parts share.
 *
 *   operation   one call into the allocator (malloc, free, calloc or realloc), in every workload
 *   worker      one thread that performs a workload
 *   workload    what the workers do; the table in list.c has them all
 *   warm-up     operations before the measured part, so that it begins in steady state
 *
 * Nothing here calls malloc for itself: the only operations are the workload's, so that counts and
 * RSS belong to the allocator under test.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/base/random.h"

enum { BENCH_MAX_THREADS = 256 };

struct bench_options {
	unsigned threads;
	uint64_t ops;   /* per worker; 0 = by time */
	double seconds; /* of the measured part; used when ops is 0 */
	uint64_t seed;
	size_t size;       /* of the workloads `hit` and `xmalloc`, bytes */
	uint32_t slots;    /* of the workloads with slots; 0 = their own number */
	size_t touch;      /* bytes that are written to each new block; at least 8 are */
	bool null;         /* the same loop without calls of the allocator */
	const char *trace; /* file, of the workload `trace` */
	unsigned slice_ms; /* print progress every so many ms; 0 = never */
	bool json;
};

struct workload;

/* Workers are apart by two cache lines: `progress` is written all the time. */
struct worker {
	unsigned index;
	unsigned workers; /* in this run */
	const struct bench_options *options;
	const struct workload *workload;
	struct random random;
	void *state;                 /* the workload's own, from bench_map() */
	uint64_t deadline_ns;        /* CLOCK_MONOTONIC; UINT64_MAX = none */
	uint64_t ops;                /* result: operations of the measured part */
	uint64_t wall_ns;            /* result: duration of the measured part */
	uint64_t requested_bytes;    /* result, where the workload knows (trace) */
	_Atomic uint64_t live_bytes; /* requested and not freed, where the workload knows (churn) */
	_Atomic uint64_t progress;   /* operations so far, the warm-up included */
} __attribute__((aligned(128)));

struct workload {
	const char *name;
	const char *help;
	uint64_t batch;       /* operations between two looks at the clock */
	uint64_t warm_ops;    /* per worker */
	uint64_t default_ops; /* per worker, when neither -n nor -d is given; 0 = by time */
	unsigned pairs;       /* 1: an even number of threads is needed */
	unsigned null;        /* 1: knows options.null */
	unsigned slots;       /* 1: knows options.slots */
	unsigned whole;       /* 1: one call of run() is all of it, -n (in passes) or the deadline
	                         included */
	/* Prepares worker->state; called by the worker's own thread. */
	void (*open)(struct worker *worker);
	/*
	 * Performs about `ops` operations, returns how many. It may return fewer when the
	 * deadline has passed, and never more than a few over.
	 */
	uint64_t (*run)(struct worker *worker, uint64_t ops);
	/* After the measured part, by worker 0 alone, all others having stopped. May be NULL. */
	void (*settle)(struct worker *workers);
	/* Frees all blocks. */
	void (*close)(struct worker *worker);
};

/* RSS at an interesting moment; churn makes one after each phase. */
struct bench_note {
	const char *name;
	uint64_t rss_bytes;  /* over the RSS before the first block */
	uint64_t live_bytes; /* requested and not freed */
};

uint64_t bench_now_ns(void);
bool bench_expired(const struct worker *worker);

/* Zero-filled memory straight from the kernel; ends the program when there is none. */
void *bench_map(size_t bytes);
void bench_unmap(void *memory, size_t bytes);

/*
 * For workloads whose blocks come from one thread to begin with: the first worker that opens makes
 * the state of all of them by make(the array of all workers); the others find theirs made.
 */
void bench_open_all(struct worker *worker, void (*make)(struct worker *workers));

/* Ends the program: one line on stderr, exit 1. A benchmark with a failed malloc has no result. */
void bench_fail(const char *what) __attribute__((noreturn));

/* Notes are kept by name: a later note of the same name replaces the earlier one. */
void bench_note(const char *name, uint64_t rss_bytes, uint64_t live_bytes);
size_t bench_notes(const struct bench_note **notes);

/* A count that a workload adds to its result, one at most; NULL: it has none. */
struct bench_count {
	const char *name; /* in JSON */
	const char *text; /* what it is a count of */
	uint64_t value;
};
void bench_count(const char *name, const char *text, uint64_t value);
const struct bench_count *bench_counted(void);

/*
 * The workload `trace`: reads the file, ends the program when it is none, and returns how many
 * threads it takes. Then what the recorder counted.
 */
unsigned trace_prepare(const char *path);
void trace_recorded(uint64_t *operations, uint64_t *bytes);

/* NULL when there is no such workload. */
const struct workload *workload_find(const char *name);
/* The table, ended by NULL. */
extern const struct workload *const workloads[];

#endif
