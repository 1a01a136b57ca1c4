/* SPDX-License-Identifier: MIT */
#include "bench/lab/verdict.h"

struct interval verdict_ratio(const double *a, const double *b, size_t rounds)
{
	double ratios[VERDICT_ROUNDS_MOST];
	for (size_t i = 0; i < rounds; i++)
		ratios[i] = a[i] / b[i];
	return stats_median_interval(ratios, rounds);
}

struct judgement verdict_judge(const double *cost_a, const double *cost_b, size_t rounds,
                               double threshold)
{
	struct judgement judgement = {verdict_ratio(cost_a, cost_b, rounds), VERDICT_NEUTRAL};
	if (rounds < VERDICT_ROUNDS_LEAST)
		return judgement;
	if (judgement.ratio.low > 1 + threshold)
		judgement.verdict = VERDICT_GO;
	else if (judgement.ratio.high < 1 / (1 + threshold))
		judgement.verdict = VERDICT_NO_GO;
	return judgement;
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
	        [VERDICT_GO] = "GO",
	        [VERDICT_NO_GO] = "NO-GO",
	        [VERDICT_NEUTRAL] = "NEUTRAL",
	};
	return names[verdict];
}
