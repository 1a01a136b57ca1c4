/* SPDX-License-Identifier: MIT */
/*
 * The governor: keeps what watching costs a target below a ceiling, by lowering the rates of what
 * can be sampled less. It works on measured costs only, so it needs no model of the machine, and it
 * attaches nothing itself: its user applies the rates and scales what was sampled by them.
 */
#ifndef HAK_GOVERNOR_H
#define HAK_GOVERNOR_H

#include <stdbool.h>

enum governor_part {
	GOVERN_TICKS,   /* timer ticks of the instruction pointer's sampling */
	GOVERN_STACKS,  /* stacks copied of sampled allocations */
	GOVERN_LATENCY, /* time in which the latency probes are attached */
	GOVERNOR_PARTS,
};

struct governor {
	double ceiling;               /* cores per busy thread */
	double budget;                /* cores, in the last interval */
	double used;                  /* cores, measured in the last interval */
	double rate[GOVERNOR_PARTS];  /* share of what was asked for, > 0 … 1 */
	double whole[GOVERNOR_PARTS]; /* estimate of the cost at rate 1, cores; 0 not seen yet */
};

void governor__init(struct governor *governor, double ceiling);

/*
 * Takes in an interval: `busy` cores that the target used (below one counts as one busy thread),
 * `fixed` cores of cost that no rate changes, `spent` cores of each part. `ran` is the share of
 * what was asked for that each part really ran at, 0 when it did not run and nothing was learnt;
 * NULL: the rates as they were set.
 */
void governor__update(struct governor *governor, double busy, double fixed,
                      const double spent[GOVERNOR_PARTS], const double ran[GOVERNOR_PARTS]);

/* Whether some rate is below 1. */
bool governor__is_limiting(const struct governor *governor);

#endif
