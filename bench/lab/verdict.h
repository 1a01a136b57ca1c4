/* SPDX-License-Identifier: MIT */
/*
 * From paired measurements to a verdict. Arm B is judged against arm A. The ratio of a round is
 * B's speed over A's (cost of A / cost of B), of two runs next to each other, so that what changes
 * slowly cancels; the median of the rounds' ratios is the estimate.
 */
#ifndef BENCH_VERDICT_H
#define BENCH_VERDICT_H

#include "bench/lab/stats.h"

enum verdict {
	VERDICT_GO,      /* B is faster: the whole interval lies above 1 + threshold */
	VERDICT_NO_GO,   /* B is slower: the whole interval lies below 1 / (1 + threshold) */
	VERDICT_NEUTRAL, /* neither was shown */
};

enum { VERDICT_ROUNDS_LEAST = 6, VERDICT_ROUNDS_MOST = 200 };

struct judgement {
	struct interval ratio;
	enum verdict verdict;
};

/* Costs are positive; rounds is 1..VERDICT_ROUNDS_MOST. With fewer than VERDICT_ROUNDS_LEAST rounds
 * the interval of a median does not reach 95 %, so that the verdict is NEUTRAL. */
struct judgement verdict_judge(const double *cost_a, const double *cost_b, size_t rounds,
                               double threshold);

/* Interval of the median of a[i] / b[i] over the rounds. */
struct interval verdict_ratio(const double *a, const double *b, size_t rounds);

const char *verdict_name(enum verdict verdict);

#endif
