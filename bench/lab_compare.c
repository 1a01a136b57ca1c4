/* SPDX-License-Identifier: MIT */
/* hakbench compare: libhakmem and its peers on all workloads, interleaved. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/bench.h"
#include "bench/lab.h"

static struct trial trial;

/* Names are cut out of "NAME=PATH". */
static unsigned make_arms(const struct lab_options *options, struct arm arms[TRIAL_ARMS])
{
	unsigned count = 0;
	arms[count++] = (struct arm){.name = "hakmem", .library = arm_libhakmem()};
	arms[count++] = (struct arm){.name = "glibc"};
	if (!arms[0].library) {
		fprintf(stderr, "hakbench: there is no libhakmem next to this hakbench\n");
		exit(EXIT_NO_FIGURE);
	}
	for (size_t i = 0; options->libs[i] && count < TRIAL_ARMS; i++) {
		const char *path = strchr(options->libs[i], '=') + 1;
		char *name = strndup(options->libs[i], (size_t)(path - 1 - options->libs[i]));
		arms[count++] = (struct arm){.name = name, .library = path};
	}
	return count;
}

/* churn is as long as its phases are, and pc needs two threads. */
static bool fits(const struct workload *workload, const char *threads)
{
	return !(workload->pairs && strtoul(threads, NULL, 10) % 2) &&
	       strcmp(workload->name, "hit") && !workload->whole;
}

static json_object *measure(const struct lab_options *options, const struct workload *workload,
                            const char *threads)
{
	struct lab_options own = *options;
	const char *arguments[LAB_ARGUMENTS];
	char label[64];
	if (workload->default_ops)
		own.ops = own.seconds = NULL;
	lab_arguments(&own, workload->name, threads, arguments);
	trial.arguments = arguments;
	snprintf(label, sizeof(label), "%s, %s thread%s", workload->name, threads,
	         strcmp(threads, "1") ? "s" : "");
	trial_run(&trial, label);
	json_object *row = json_object_new_object();
	json_object_object_add(row, "workload", json_object_new_string(workload->name));
	json_object_object_add(row, "threads", json_object_new_int64(strtol(threads, NULL, 10)));
	json_object_object_add(row, "arms", trial_json(&trial));
	return row;
}

static bool is_wanted(const struct lab_options *options, const struct workload *workload)
{
	bool wanted = !options->workloads[0];
	for (size_t i = 0; options->workloads[i]; i++)
		wanted = wanted || !strcmp(options->workloads[i], workload->name);
	return wanted;
}

int lab_compare(const struct lab_options *options)
{
	static const char *const both[] = {"1", "2", NULL};
	struct arm arms[TRIAL_ARMS];
	struct lab_options own = *options, report = {0};
	const char *const *threads = options->threads[0] ? options->threads : both;
	char path[PATH_MAX], markdown[PATH_MAX];
	if (!own.output)
		own.output = "hakbench-compare";
	if (own.quick)
		own.seconds = "0.1";
	if (mkdir(own.output, 0777) && errno != EEXIST)
		bench_fail(own.output);
	for (size_t i = 0; own.workloads[i]; i++)
		if (!workload_find(own.workloads[i])) {
			fprintf(stderr, "hakbench: no workload '%s'\n", own.workloads[i]);
			return 2;
		}
	trial.arms = arms;
	trial.arm_count = make_arms(&own, arms);
	trial.rounds = own.rounds;
	trial_prove(&trial);

	json_object *result = json_object_new_object(), *rows = json_object_new_array();
	for (size_t i = 0; workloads[i]; i++)
		for (size_t j = 0; is_wanted(&own, workloads[i]) && threads[j]; j++)
			if (fits(workloads[i], threads[j]) &&
			    !(own.quick && workloads[i]->settle && j)) /* churn is long */
				json_object_array_add(rows,
				                      measure(&own, workloads[i], threads[j]));
	json_object_object_add(result, "kind", json_object_new_string("compare"));
	json_object_object_add(result, "rounds", json_object_new_int64(trial.rounds));
	json_object_object_add(result, "seconds", json_object_new_string(own.seconds));
	json_object_object_add(result, "machine", trial_machine());
	json_object_object_add(result, "rows", rows);
	snprintf(path, sizeof(path), "%s/results.json", own.output);
	lab_keep(result, path);
	json_object_put(result);
	report.file = path;
	snprintf(markdown, sizeof(markdown), "%s/report.md", own.output);
	report.output = markdown;
	return lab_report(&report);
}
