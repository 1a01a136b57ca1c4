/* SPDX-License-Identifier: MIT */
#include "tools/profile/timeline.h"

#include <math.h>

#include "tools/profile/report.h"

/* A share without samples says nothing about the sum. */
static double mean(double a, double a_seconds, double b, double b_seconds)
{
	if (isnan(a))
		return b;
	if (isnan(b))
		return a;
	return (a * a_seconds + b * b_seconds) / (a_seconds + b_seconds);
}

static struct timeline_point merged(const struct timeline_point *a, const struct timeline_point *b)
{
	struct timeline_point sum = *b; /* gauges are those at the end */

	sum.seconds += a->seconds;
	sum.mallocs += a->mallocs;
	sum.frees += a->frees;
	sum.cold += a->cold;
	for (int i = 0; i < HAK_ROUTE_COUNT; i++)
		sum.routes[i] += a->routes[i];
	sum.refills += a->refills;
	sum.refill_blocks += a->refill_blocks;
	sum.flushes += a->flushes;
	sum.wrapper = mean(a->wrapper, a->seconds, b->wrapper, b->seconds);
	sum.cold_cpu = mean(a->cold_cpu, a->seconds, b->cold_cpu, b->seconds);
	sum.os = mean(a->os, a->seconds, b->os, b->seconds);
	return sum;
}

void timeline__add(struct timeline *timeline, const struct report *report)
{
	const struct hak_class_record *sum = &report->total.sum;
	struct timeline_point *point;
	struct holdings holdings;

	if (timeline->count == TIMELINE_POINTS) {
		for (size_t i = 0; i < TIMELINE_POINTS / 2; i++)
			timeline->points[i] =
			        merged(&timeline->points[2 * i], &timeline->points[2 * i + 1]);
		timeline->count = TIMELINE_POINTS / 2;
	}
	reading__holdings(report->now, &holdings);
	point = &timeline->points[timeline->count++];
	*point = (struct timeline_point){
	        .time = report->now->time,
	        .seconds = report->seconds,
	        .mallocs = (double)sum->mallocs,
	        .frees = (double)sum->frees,
	        .cold = (double)report->total.cold,
	        .refills = (double)sum->refills,
	        .refill_blocks = (double)sum->refill_blocks,
	        .flushes = (double)sum->flushes,
	        .wrapper = cost_zones__wrapper(&report->zones),
	        .cold_cpu = cost_zones__share(&report->zones, ZONE_COLD).value,
	        .os = cost_zones__share(&report->zones, ZONE_OS).value,
	        .live = holdings.live + holdings.large,
	        .held = holdings.all,
	        .rss = (double)report->now->rss,
	};
	for (enum hak_route route = 0; route < HAK_ROUTE_COUNT; route++)
		point->routes[route] = (double)figures__route(sum, route);
}
