/* SPDX-License-Identifier: MIT */
/* hakbench ab: is arm B faster than arm A? */
#include <stdio.h>
#include <string.h>

#include "bench/lab/lab.h"

enum { STATUS_GO = 0, STATUS_NO_GO = 1, STATUS_NEUTRAL = 3 };

/* An arm's library: its own, else both arms', else our libhakmem unless it is a command; "system"
 * is none. */
static struct arm with_library(struct arm arm, const struct lab_options *options)
{
	if (!arm.library)
		arm.library = options->library;
	if (!arm.library && (!arm.command || arm.settings[0]))
		arm.library = arm_libhakmem();
	if (arm.library && !strcmp(arm.library, "system"))
		arm.library = NULL;
	return arm;
}

static void print_arm(const struct trial *trial, unsigned index, enum metric metric)
{
	const struct arm *arm = &trial->arms[index];
	double costs[VERDICT_ROUNDS_MOST];
	trial_costs(trial, index, metric, costs);
	struct interval cost = stats_median_interval(costs, trial->rounds);
	printf("arm %s  %10.3f ns (%.3f to %.3f) per %s:", arm->name, cost.median, cost.low,
	       cost.high, arm->command ? "run" : "operation");
	for (size_t i = 0; arm->settings[i]; i++)
		printf(" %s", arm->settings[i]);
	printf(" %s", arm->library ? arm->library : "system");
	json_object *build_id = json_object_object_get(arm->proof, "build_id");
	json_object *mode = json_object_object_get(arm->proof, "mode");
	printf(", build %.12s", build_id ? json_object_get_string(build_id) : "unknown");
	if (mode)
		printf(", mode %s", json_object_get_string(mode));
	if (arm->command)
		printf(", command: %s", arm->command);
	printf("\n");
}

int lab_ab(const struct lab_options *options)
{
	static struct trial trial;
	struct arm arms[2] = {with_library(options->a, options), with_library(options->b, options)};
	const char *workload = options->workloads[0] ? options->workloads[0] : "mixed";
	const char *arguments[LAB_ARGUMENTS];
	double cost_a[VERDICT_ROUNDS_MOST], cost_b[VERDICT_ROUNDS_MOST];
	lab_arguments(options, workload, options->threads[0], arguments);
	trial = (struct trial){
	        .arms = arms, .arm_count = 2, .rounds = options->rounds, .arguments = arguments};
	trial_run(&trial, workload);
	trial_costs(&trial, 0, options->metric, cost_a);
	trial_costs(&trial, 1, options->metric, cost_b);
	struct judgement judgement =
	        verdict_judge(cost_a, cost_b, trial.rounds, options->threshold);

	json_object *result = json_object_new_object();
	json_object_object_add(result, "kind", json_object_new_string("ab"));
	json_object_object_add(result, "workload", json_object_new_string(workload));
	json_object_object_add(
	        result, "threads",
	        json_object_new_string(options->threads[0] ? options->threads[0] : "1"));
	json_object_object_add(result, "metric",
	                       json_object_new_string(lab_metric_name(options->metric)));
	json_object_object_add(result, "rounds", json_object_new_int64(trial.rounds));
	json_object_object_add(result, "threshold", json_object_new_double(options->threshold));
	json_object_object_add(result, "ratio", lab_interval_json(judgement.ratio));
	json_object_object_add(result, "verdict",
	                       json_object_new_string(verdict_name(judgement.verdict)));
	json_object_object_add(result, "machine", trial_machine());
	json_object_object_add(result, "arms", trial_json(&trial));
	lab_keep(result, options->output ? options->output : "hakbench-ab.json");
	json_object_put(result);

	print_arm(&trial, 0, options->metric);
	print_arm(&trial, 1, options->metric);
	printf("B/A    %.4f (95 %%: %.4f to %.4f) in speed, %s time, %u rounds, threshold %g %%\n",
	       judgement.ratio.median, judgement.ratio.low, judgement.ratio.high,
	       lab_metric_name(options->metric), trial.rounds, options->threshold * 100);
	printf("%s\n", verdict_name(judgement.verdict));
	return judgement.verdict == VERDICT_GO      ? STATUS_GO
	       : judgement.verdict == VERDICT_NO_GO ? STATUS_NO_GO
	                                            : STATUS_NEUTRAL;
}
