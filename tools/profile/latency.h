/* SPDX-License-Identifier: MIT */
/* How long cold visits take: histograms by operation and route, and how much of them was seen. */
#ifndef HAK_LATENCY_H
#define HAK_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/latency.h"

struct latency {
	struct hak_latency cells[HAK_LATENCY_CELLS]; /* operation * HAK_ROUTE_COUNT + route */
	uint64_t bias_ns; /* of the probes themselves; has been subtracted */
};

static inline const struct hak_latency *latency__cell(const struct latency *latency, int operation,
                                                      int route)
{
	return &latency->cells[operation * HAK_ROUTE_COUNT + route];
}

void latency__subtract(struct latency *difference, const struct latency *now,
                       const struct latency *before);

uint64_t latency__visits(const struct latency *latency);

/* Bounds of a bucket in ns; the last one has no upper bound: UINT64_MAX. */
uint64_t latency__bucket_low(int bucket);
uint64_t latency__bucket_high(int bucket);

/*
 * The time that a share (0 … 1) of the visits did not exceed, interpolated within its bucket; NaN
 * when there was no visit.
 */
double latency__quantile(const struct hak_latency *cell, double share);

/* What the operation and route are called: "malloc depot", "free". */
const char *latency__name(int operation, int route, char *name, unsigned size);

#endif
