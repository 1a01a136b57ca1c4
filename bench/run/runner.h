/* SPDX-License-Identifier: MIT */
/* Runs a workload: threads, warm-up, the measured part, progress. */
#ifndef BENCH_RUNNER_H
#define BENCH_RUNNER_H

#include "bench/workloads/bench.h"
#include "bench/run/counters.h"

struct result {
	uint64_t ops;             /* of all workers */
	uint64_t requested_bytes; /* where the workload knows (trace) */
	double ops_per_second;    /* sum of the workers' own rates */
	double ns_per_op;         /* worker's wall time per operation, mean */
	double cpu_ns_per_op;     /* CPU time of the whole process per operation */
	double seconds;           /* of the longest worker */
	uint64_t page_faults;     /* in the measured part */
	uint64_t peak_rss_bytes;
	uint64_t rss_bytes; /* at the end of the measured part, blocks still held */
	struct counters counters;
	const struct worker *workers; /* options.threads of them */
};

/* Once per process. The result is valid until the program ends. */
struct result runner_run(const struct workload *workload, const struct bench_options *options);

#endif
