/* SPDX-License-Identifier: MIT */
/* hakbench compare: libhakmem and its peers on all workloads, interleaved. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/workloads/bench.h"
#include "bench/lab/lab.h"

static struct trial trial;
static bool left_out;

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

/* Pairs need two threads; hit measures nothing but itself; a trace has its own. */
static bool fits(const struct lab_options *options, const struct workload *workload,
                 const char *threads)
{
	return !(workload->pairs && strtoul(threads, NULL, 10) % 2) &&
	       strcmp(workload->name, "hit") && !workload->whole &&
	       (!options->slots || workload->slots);
}

static json_object *row_of(const char *name, json_object *threads)
{
	json_object *row = json_object_new_object();
	json_object_object_add(row, "workload", json_object_new_string(name));
	json_object_object_add(row, "threads", threads);
	json_object_object_add(row, "arms", trial_json(&trial));
	return row;
}

/* Adds a row if `figure`; a row without one is left out, which the exit status says at the end. */
static void add_row(json_object *rows, bool figure, const char *name, json_object *threads)
{
	if (figure) {
		json_object_array_add(rows, row_of(name, threads));
		return;
	}
	json_object_put(threads);
	fprintf(stderr, "hakbench: %s is left out\n", name);
	left_out = true;
}

static void measure(const struct lab_options *options, const struct workload *workload,
                    const char *threads, json_object *rows)
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
	bool figure = trial_measured(&trial, label);
	if (options->slots)
		snprintf(label, sizeof(label), "%s, %s slots", workload->name, options->slots);
	else
		snprintf(label, sizeof(label), "%s", workload->name);
	add_row(rows, figure, label, json_object_new_int64(strtol(threads, NULL, 10)));
}

static bool is_wanted(const struct lab_options *options, const struct workload *workload)
{
	bool wanted = !options->workloads[0];
	for (size_t i = 0; options->workloads[i]; i++)
		wanted = wanted || !strcmp(options->workloads[i], workload->name);
	return wanted;
}

/* False when the arms are not what they claim. */
static bool measure_workloads(const struct lab_options *options, json_object *rows)
{
	static const char *const both[] = {"1", "2", NULL};
	const char *const *threads = options->threads[0] ? options->threads : both;
	if (!trial_proved(&trial))
		return false;
	for (size_t i = 0; workloads[i]; i++)
		for (size_t j = 0; is_wanted(options, workloads[i]) && threads[j]; j++)
			if (fits(options, workloads[i], threads[j]) &&
			    !(options->quick && workloads[i]->default_ops && j)) /* churn is long */
				measure(options, workloads[i], threads[j], rows);
	return true;
}

/* A line of the file is NAME COMMAND; empty ones and those that begin with # are not looked at. */
static void measure_programs(const char *path, json_object *rows)
{
	char *line = NULL;
	size_t room = 0;
	FILE *file = fopen(path, "r");
	if (!file)
		bench_fail(path);
	while (getline(&line, &room, file) > 0) {
		char *rest, *name = strtok_r(line, " \t\n", &rest);
		char *command = name && *name != '#' ? strtok_r(NULL, "\n", &rest) : NULL;
		if (!command)
			continue;
		for (unsigned i = 0; i < trial.arm_count; i++)
			trial.arms[i].command = command;
		add_row(rows, trial_proved(&trial) && trial_measured(&trial, name), name, NULL);
	}
	free(line);
	fclose(file);
}

static bool workloads_exist(const struct lab_options *options)
{
	for (size_t i = 0; options->workloads[i]; i++)
		if (!workload_find(options->workloads[i])) {
			fprintf(stderr, "hakbench: no workload '%s'\n", options->workloads[i]);
			return false;
		}
	return true;
}

/* Keeps the result and reports it. */
static int finish(const struct lab_options *options, json_object *rows)
{
	char path[PATH_MAX], markdown[PATH_MAX];
	struct lab_options report = {0};
	json_object *result = json_object_new_object();
	json_object_object_add(result, "kind", json_object_new_string("compare"));
	json_object_object_add(result, "rounds", json_object_new_int64(trial.rounds));
	json_object_object_add(result, "seconds", json_object_new_string(options->seconds));
	json_object_object_add(result, "machine", trial_machine());
	json_object_object_add(result, "rows", rows);
	snprintf(path, sizeof(path), "%s/results.json", options->output);
	lab_keep(result, path);
	json_object_put(result);
	report.files[0] = path;
	snprintf(markdown, sizeof(markdown), "%s/report.md", options->output);
	report.output = markdown;
	int status = lab_report(&report);
	return status ? status : left_out ? EXIT_NO_FIGURE : 0;
}

int lab_compare(const struct lab_options *options)
{
	struct arm arms[TRIAL_ARMS];
	struct lab_options own = *options;
	if (!own.output)
		own.output = "hakbench-compare";
	if (own.quick)
		own.seconds = "0.1";
	if (mkdir(own.output, 0777) && errno != EEXIST)
		bench_fail(own.output);
	if (!workloads_exist(&own))
		return 2;
	trial.arms = arms;
	trial.arm_count = make_arms(&own, arms);
	trial.rounds = own.rounds;
	json_object *rows = json_object_new_array();
	if (own.workloads[0] || !own.programs)
		if (!measure_workloads(&own, rows))
			return EXIT_NO_FIGURE;
	if (own.programs)
		measure_programs(own.programs, rows);
	return finish(&own, rows);
}
