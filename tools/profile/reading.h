/* SPDX-License-Identifier: MIT */
/* A reading is everything known at one instant. */
#ifndef HAK_READING_H
#define HAK_READING_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/counters.h"
#include "tools/profile/cost.h"
#include "tools/profile/latency.h"
#include "tools/target/figures.h"
#include "tools/target/ledger.h"
#include "tools/target/proc.h"
#include "tools/target/target.h"

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

#endif
