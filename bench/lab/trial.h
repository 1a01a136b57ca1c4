/* SPDX-License-Identifier: MIT */
/*
 * A trial: some arms, each proved, then measured in turn, round by round. The order within a round
 * rotates and turns round, so that no arm always follows the same other one.
 */
#ifndef BENCH_TRIAL_H
#define BENCH_TRIAL_H

#include "bench/lab/arm.h"
#include "bench/lab/verdict.h"

enum { TRIAL_ARMS = 16 };

/* What a sample is judged by. */
enum metric { METRIC_CPU, METRIC_WALL, METRIC_PEAK_RSS };

struct trial {
	struct arm *arms;
	unsigned arm_count, rounds;
	const char *const *arguments; /* of hakbench */
	bool quiet;                   /* no progress on stderr */
	struct sample samples[TRIAL_ARMS][VERDICT_ROUNDS_MOST];
};

enum { EXIT_NO_FIGURE = 4 };

/* Position in the arms of the k-th to be measured in a round. */
unsigned trial_order(unsigned arm_count, unsigned round, unsigned k);

/* False, and the reason on stderr, when an arm is not what it claims, or fails. */
bool trial_proved(struct trial *trial);
bool trial_measured(struct trial *trial, const char *label);

/* Both; ends the program with EXIT_NO_FIGURE when that is not possible. */
void trial_run(struct trial *trial, const char *label);

/* Costs of one arm, one per round; lower is better. */
void trial_costs(const struct trial *trial, unsigned arm, enum metric metric, double *costs);

/* Arms with their samples, as a JSON array. */
json_object *trial_json(const struct trial *trial);

/* What the figures were measured on. */
json_object *trial_machine(void);

#endif
