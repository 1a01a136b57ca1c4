/* SPDX-License-Identifier: MIT */
/*
 * A reading is everything known at one instant, a report the difference of two: what the views
 * show.
 */
#ifndef HAK_REPORT_H
#define HAK_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/counters.h"
#include "tools/callers.h"
#include "tools/cost.h"
#include "tools/governor.h"
#include "tools/latency.h"
#include "tools/ledger.h"
#include "tools/options.h"
#include "tools/proc.h"
#include "tools/target.h"
#include "tools/threads.h"
#include "tools/unwind.h"

enum { REPORT_FUNCTIONS = 10, REPORT_CALLERS = 40 };

/* What hakprobe itself does and costs, cumulative. */
struct own_cost {
	struct hak_counters tally; /* zeros where not attached */
	struct hak_counters alloc;
	struct hak_counters cost;
	struct hak_counters latency;
	uint64_t latency_open_ns; /* time that the latency probes were attached */
	unsigned hz;              /* of the instruction pointer's sampling, now */
	uint64_t cpu_ns;          /* of hakprobe */
	uint64_t rss;
};

struct reading {
	double time;      /* seconds since 1970 */
	uint64_t mono_ns; /* CLOCK_MONOTONIC */
	bool has_process; /* the process record has been seen: class sizes and memory are known */
	enum hak_mode mode;
	struct figures figures;
	struct figures_total total;
	struct hak_memory memory;
	uint64_t class_size[HAK_CLASS_COUNT];
	uint64_t sample_bytes; /* configured mean distance of samples */
	bool sampling;         /* some thread is */
	uint64_t rss;
	struct proc_rss rss_kinds;
	uint64_t threads;
	uint64_t cpu_ns; /* of the target */
	double uptime;
	struct cost_zones zones;
	struct own_cost own;
	struct latency latency; /* zeros where not attached */
};

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
	enum options_view view; /* what the plain live view's table shows, and how it is sorted */
	enum options_sort sort;
	int class;            /* only this size class in the table; -1 all */
	enum hak_route route; /* only classes with mallocs that it served; HAK_ROUTE_COUNT all */
	const struct governor *governor;
	const struct thread_table *threads;        /* differences; may be NULL */
	struct caller_row callers[REPORT_CALLERS]; /* since the attach */
	size_t caller_count;
	double caller_weight; /* of all callers */
};

/* Where the bytes are that the allocator holds. */
struct holdings {
	double live;
	double large;  /* blocks without size class */
	double cached; /* in threads' magazines */
	double depot;
	double free;        /* in spans */
	double dirty;       /* free, not yet returned to the OS */
	double huge_cached; /* freed huge blocks, kept for the next taker */
	double metadata;
	double all;
	/*
	 * RSS against that. What is mapped from files or shared is not ours for certain. Of
	 * anonymous memory the kernel does not tell whose it is: that RSS exceeds our holdings is a
	 * lower bound of what others have (stacks, data), that it falls short of them one of what
	 * we hold and was never written to.
	 */
	double not_ours;
	double untouched;
};

/* Fills in what comes from the ledger and /proc; zones and own cost are the caller's. */
void reading__take(struct reading *reading, const struct target *target,
                   const struct ledger *ledger);

/* The gauges of all the arenas' shards added up. */
void reading__arenas(const struct reading *reading, struct hak_arenas *sum);

void reading__holdings(const struct reading *reading, struct holdings *holdings);

/* Derives everything from `now` and `before`; `cost` gives the functions, of its interval or
 * `since_start`. */
void report__derive(struct report *report, const struct cost *cost, bool since_start);

/* The same, by `sort`; SORT_NAME by class. */
size_t report__sorted_classes(const struct report *report, enum options_sort sort,
                              unsigned *classes);

/* Pointers to the rows of report->threads in that order; at most `max`. Returns how many. */
size_t report__sorted_threads(const struct report *report, enum options_sort sort,
                              const struct thread_row **rows, size_t max);

/* Writes the classes that had mallocs or frees, by mallocs, the busiest first. Returns how many. */
size_t report__active_classes(const struct report *report, unsigned *classes);

#endif
