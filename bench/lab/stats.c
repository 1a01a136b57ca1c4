/* SPDX-License-Identifier: MIT */
#include "bench/lab/stats.h"

#include <stdlib.h>

#include "bench/base/random.h"

enum { RESAMPLES = 10000 };

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median_of(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), ascending);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

struct interval stats_median_interval(double *values, size_t count)
{
	static double medians[RESAMPLES], sample[STATS_MAX];
	struct random random = random_seed(1, 0);
	struct interval interval = {.median = median_of(values, count)};
	for (int i = 0; i < RESAMPLES; i++) {
		for (size_t j = 0; j < count; j++)
			sample[j] = values[random_high(random_next(&random), (uint32_t)count)];
		medians[i] = median_of(sample, count);
	}
	qsort(medians, RESAMPLES, sizeof(*medians), ascending);
	interval.low = medians[RESAMPLES * 25 / 1000];
	interval.high = medians[RESAMPLES * 975 / 1000 - 1];
	return interval;
}
