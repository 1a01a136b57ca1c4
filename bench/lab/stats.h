/* SPDX-License-Identifier: MIT */
/* Order statistics of a few measurements. */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stddef.h>
#include <stdint.h>

struct interval {
	double median, low, high;
};

/* Median and its 95 % bootstrap interval (percentile method, 10000 resamples, fixed seed).
 * Sorts `values`; count is 1..STATS_MAX. */
enum { STATS_MAX = 4096 };
struct interval stats_median_interval(double *values, size_t count);

#endif
