/* SPDX-License-Identifier: MIT */
#include "tools/profile/latency.h"

#include <math.h>
#include <stdio.h>

#include "tools/target/figures.h"

void latency__subtract(struct latency *difference, const struct latency *now,
                       const struct latency *before)
{
	for (int i = 0; i < HAK_LATENCY_CELLS; i++) {
		struct hak_latency *to = &difference->cells[i];

		to->visits = now->cells[i].visits - before->cells[i].visits;
		to->least_ns = now->cells[i].least_ns;
		to->sum_ns = now->cells[i].sum_ns - before->cells[i].sum_ns;
		for (int j = 0; j < HAK_LATENCY_BUCKETS; j++)
			to->buckets[j] = now->cells[i].buckets[j] - before->cells[i].buckets[j];
	}
	difference->bias_ns = now->bias_ns;
}

uint64_t latency__visits(const struct latency *latency)
{
	uint64_t visits = 0;

	for (int i = 0; i < HAK_LATENCY_CELLS; i++)
		visits += latency->cells[i].visits;
	return visits;
}

uint64_t latency__bucket_low(int bucket)
{
	return bucket ? 1ull << bucket : 0;
}

uint64_t latency__bucket_high(int bucket)
{
	return bucket == HAK_LATENCY_BUCKETS - 1 ? UINT64_MAX : 1ull << (bucket + 1);
}

double latency__quantile(const struct hak_latency *cell, double share)
{
	double wanted = share * (double)cell->visits, seen = 0;

	if (!cell->visits)
		return NAN;
	for (int i = 0; i < HAK_LATENCY_BUCKETS; i++) {
		double low = (double)latency__bucket_low(i), here = (double)cell->buckets[i];

		if (here > 0 && seen + here >= wanted)
			return low + ((double)(2ull << i) - low) * (wanted - seen) / here;
		seen += here;
	}
	return (double)latency__bucket_low(HAK_LATENCY_BUCKETS - 1);
}

const char *latency__name(int operation, int route, char *name, unsigned size)
{
	/* A free gives blocks up; no route serves it. */
	if (operation == HAK_LATENCY_FREE && route == HAK_ROUTE_MAGAZINE)
		snprintf(name, size, "free");
	else
		snprintf(name, size, "%s %s", operation == HAK_LATENCY_FREE ? "free" : "malloc",
		         figures__route_name(route));
	return name;
}
