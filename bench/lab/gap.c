/* SPDX-License-Identifier: MIT */
/*
 * hakbench gap: libhakmem against the system's malloc, and the same library forced to use glibc in
 * between. Forced and hakmem differ by the allocator alone; forced and system by what it costs that
 * the library is there (another layout, one more door in front of glibc).
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/lab/lab.h"

enum { HAKMEM, FORCED, SYSTEM, ARMS };

/* Median and interval over the rounds of (from - to) / unit. */
static struct interval part(const struct trial *trial, enum metric metric, int from, int to,
                            int unit)
{
	double a[VERDICT_ROUNDS_MOST], b[VERDICT_ROUNDS_MOST], parts[VERDICT_ROUNDS_MOST];
	double base[VERDICT_ROUNDS_MOST];
	trial_costs(trial, (unsigned)from, metric, a);
	trial_costs(trial, (unsigned)to, metric, b);
	trial_costs(trial, unit < 0 ? 0 : (unsigned)unit, metric, base);
	for (unsigned i = 0; i < trial->rounds; i++)
		parts[i] = (a[i] - b[i]) / (unit < 0 ? 1 : base[i]);
	return stats_median_interval(parts, trial->rounds);
}

static void print_part(json_object *parts, const char *name, const char *what,
                       const struct trial *trial, enum metric metric, int from, int to)
{
	struct interval ns = part(trial, metric, from, to, -1);
	struct interval share = part(trial, metric, from, to, SYSTEM);
	json_object *object = json_object_new_object();
	json_object_object_add(object, "ns", lab_interval_json(ns));
	json_object_object_add(object, "of_system", lab_interval_json(share));
	json_object_object_add(parts, name, object);
	printf("%-10s %+8.3f ns (%+.3f to %+.3f)  %+6.1f %% (%+.1f to %+.1f)  %s\n", name,
	       ns.median, ns.low, ns.high, share.median * 100, share.low * 100, share.high * 100,
	       what);
}

static void print_arms(const struct trial *trial, enum metric metric)
{
	for (unsigned i = 0; i < ARMS; i++) {
		double costs[VERDICT_ROUNDS_MOST];
		trial_costs(trial, i, metric, costs);
		struct interval cost = stats_median_interval(costs, trial->rounds);
		printf("%-10s %8.3f ns (%.3f to %.3f)\n", trial->arms[i].name, cost.median,
		       cost.low, cost.high);
	}
}

/* The forced arm against its limit; exit status. */
static int judge_forced(const struct trial *trial, const struct lab_options *options,
                        json_object *result)
{
	struct interval forced = part(trial, options->metric, FORCED, SYSTEM, SYSTEM);
	const char *verdict = forced.low > options->limit      ? "OVER"
	                      : forced.high <= options->limit  ? "WITHIN"
	                      : forced.median > options->limit ? "UNDECIDED, rather over"
	                                                       : "UNDECIDED, rather within";
	json_object_object_add(result, "limit", json_object_new_double(options->limit));
	json_object_object_add(result, "forced_over_system", lab_interval_json(forced));
	json_object_object_add(result, "verdict", json_object_new_string(verdict));
	printf("forced costs %+.1f %% (95 %%: %+.1f to %+.1f) over system, limit %g %%: %s\n",
	       forced.median * 100, forced.low * 100, forced.high * 100, options->limit * 100,
	       verdict);
	return forced.low > options->limit;
}

int lab_gap(const struct lab_options *options)
{
	static struct trial trial;
	const char *library = options->library ? options->library : arm_libhakmem();
	const char *workload = options->workloads[0] ? options->workloads[0] : "mixed";
	const char *arguments[LAB_ARGUMENTS];
	struct arm arms[ARMS] = {
	        [HAKMEM] = {.name = "hakmem", .library = library},
	        [FORCED] = {.name = "forced",
	                    .library = library,
	                    .settings = {"HAKMEM_FORCE_LIBC_ALLOC=1"}},
	        [SYSTEM] = {.name = "system"},
	};
	if (!library) {
		fprintf(stderr,
		        "hakbench: there is no libhakmem next to this hakbench: use --lib\n");
		return EXIT_NO_FIGURE;
	}
	lab_arguments(options, workload, options->threads[0], arguments);
	trial = (struct trial){
	        .arms = arms, .arm_count = ARMS, .rounds = options->rounds, .arguments = arguments};
	trial_run(&trial, workload);

	json_object *result = json_object_new_object(), *parts = json_object_new_object();
	printf("%s, %s time per operation, %u rounds: median (95 %%)\n", workload,
	       lab_metric_name(options->metric), trial.rounds);
	print_arms(&trial, options->metric);
	print_part(parts, "gap", "system - hakmem", &trial, options->metric, SYSTEM, HAKMEM);
	print_part(parts, "allocator", "forced - hakmem: what the allocator saves", &trial,
	           options->metric, FORCED, HAKMEM);
	print_part(parts, "layout", "system - forced: what the library's presence costs (negative)",
	           &trial, options->metric, SYSTEM, FORCED);
	json_object_object_add(result, "kind", json_object_new_string("gap"));
	json_object_object_add(result, "workload", json_object_new_string(workload));
	json_object_object_add(result, "metric",
	                       json_object_new_string(lab_metric_name(options->metric)));
	json_object_object_add(result, "rounds", json_object_new_int64(trial.rounds));
	json_object_object_add(result, "parts", parts);
	int status = judge_forced(&trial, options, result);
	json_object_object_add(result, "machine", trial_machine());
	json_object_object_add(result, "arms", trial_json(&trial));
	lab_keep(result, options->output ? options->output : "hakbench-gap.json");
	json_object_put(result);
	return status;
}
