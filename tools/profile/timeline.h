/* SPDX-License-Identifier: MIT */
/* What the intervals showed, for charts over time. Bounded:
 * when it is full, neighbours are merged. */
#ifndef HAK_TIMELINE_H
#define HAK_TIMELINE_H

#include <stddef.h>

#include "bpf/record.h"

struct report;

enum { TIMELINE_POINTS = 1024 }; /* at most; even */

struct timeline_point {
	double time;    /* seconds since 1970, at its end */
	double seconds; /* its length; what follows counts in it */
	double mallocs, frees, cold;
	double routes[HAK_ROUTE_COUNT]; /* mallocs by route */
	double refills, refill_blocks, flushes;
	double wrapper, cold_cpu, os; /* shares of the CPU time; NaN: no sample */
	double live, held, rss;       /* bytes at its end */
};

struct timeline {
	struct timeline_point points[TIMELINE_POINTS];
	size_t count;
};

/* Adds the interval that `report` is about. */
void timeline__add(struct timeline *timeline, const struct report *report);

#endif
