/* SPDX-License-Identifier: MIT */
/* A report is the difference of two readings: what the views show. */
#ifndef HAK_REPORT_H
#define HAK_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/profile/callers.h"
#include "tools/profile/cost.h"
#include "tools/profile/governor.h"
#include "tools/profile/reading.h"
#include "tools/symbols/unwind.h"
#include "tools/target/threads.h"

enum { REPORT_FUNCTIONS = 10, REPORT_CALLERS = 40 };

/* What the table of a live view shows. */
enum report_view { VIEW_CLASSES, VIEW_THREADS, VIEW_CALLERS, VIEW_FUNCTIONS, VIEW_COUNT };

/* By what it is sorted, the greatest first; names by SORT_NAME. */
enum report_sort {
	SORT_MALLOCS,
	SORT_FREES,
	SORT_BYTES,
	SORT_COLD,
	SORT_REFILLS,
	SORT_NAME,
	SORT_COUNT,
};

/* The words for them on the command line and on the screen. */
extern const char *const report_view_names[VIEW_COUNT];
extern const char *const report_sort_names[SORT_COUNT];

/* How the probes are attached; for the header. */
struct attachment {
	bool tally;
	bool alloc;
	bool visits;             /* stacks of visits by a route, instead of alloc's */
	bool cpu;                /* stacks of CPU samples */
	enum unwind_mode unwind; /* of stacks, where there are any */
	bool latency;
	const char *cost_event;
	int cost_cpus;
	int cost_hz;
	bool reads; /* records are read from the target's memory */
};

struct report {
	const struct target *target;
	const struct attachment *attachment;
	const struct reading *now;
	const struct reading *before;
	double seconds;
	struct figures figures; /* now - before, and so on */
	struct figures_total total;
	struct cost_zones zones;
	uint64_t cpu_ns;
	struct cost_estimate per_malloc; /* ns in the wrapper */
	struct cost_estimate per_free;
	struct cost_estimate per_cold;
	struct cost_function top[REPORT_FUNCTIONS];
	size_t top_count;
	uint64_t hits;                /* of USDT probes, in the interval */
	uint64_t lost;                /* events, since the attach */
	double target_share;          /* estimated cost to the target, in cores */
	double own_share;             /* of hakprobe, in cores */
	double spent[GOVERNOR_PARTS]; /* of target_share, by what the governor governs */
	double spent_fixed;           /* and the rest */
	struct latency latency;       /* of the interval */
	enum report_view view; /* what the plain live view's table shows, and how it is sorted */
	enum report_sort sort;
	int class;            /* only this size class in the table; -1 all */
	enum hak_route route; /* only classes with mallocs that it served; HAK_ROUTE_COUNT all */
	const struct governor *governor;
	const struct thread_table *threads;        /* differences; may be NULL */
	struct caller_row callers[REPORT_CALLERS]; /* since the attach */
	size_t caller_count;
	double caller_weight; /* of all callers */
};

/* Derives everything from `now` and `before`; `cost` gives the functions, of its interval or
 * `since_start`. */
void report__derive(struct report *report, const struct cost *cost, bool since_start);

/* The same, by `sort`; SORT_NAME by class. */
size_t report__sorted_classes(const struct report *report, enum report_sort sort,
                              unsigned *classes);

/* Pointers to the rows of report->threads in that order; at most `max`. Returns how many. */
size_t report__sorted_threads(const struct report *report, enum report_sort sort,
                              const struct thread_row **rows, size_t max);

/* Writes the classes that had mallocs or frees, by mallocs, the busiest first. Returns how many. */
size_t report__active_classes(const struct report *report, unsigned *classes);

#endif
