/* SPDX-License-Identifier: MIT */
/*
 * Hardware counters through perf_event_open, for the whole process: each event is opened with
 * inheritance before the threads are made. A counter that the machine does not have, or that
 * never ran, is "not available" and stays so: never zero, never a guess.
 */
#ifndef BENCH_COUNTERS_H
#define BENCH_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum counter {
	COUNTER_INSTRUCTIONS,
	COUNTER_BRANCHES,
	COUNTER_BRANCH_MISSES,
	COUNTER_CYCLES,
	COUNTER_L1I_MISSES,
	COUNTER_ITLB_MISSES,
	COUNTER_DTLB_MISSES,
	COUNTER_CONTEXT_SWITCHES, /* counted by the kernel itself: there without a PMU as well */
	COUNTER_COUNT,
};

struct counters {
	bool available[COUNTER_COUNT];
	double value[COUNTER_COUNT]; /* scaled up when the kernel had to multiplex */
};

const char *counter_name(enum counter counter);

/* Before threads are made. */
void counters_open(void);
/* Around the measured part. */
void counters_start(void);
struct counters counters_stop(void);

#endif
