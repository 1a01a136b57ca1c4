/* SPDX-License-Identifier: MIT */
#include "bench/lab/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static bool no_figure(const struct arm *arm, const char *why)
{
	fprintf(stderr, "hakbench: arm %s: %s: no figure\n", arm->name, why);
	return false;
}

unsigned trial_order(unsigned arm_count, unsigned round, unsigned k)
{
	unsigned position = round % 2 ? arm_count - 1 - k : k;
	return (position + round / 2) % arm_count;
}

bool trial_proved(struct trial *trial)
{
	char why[ARM_WHY];
	for (unsigned i = 0; i < trial->arm_count; i++)
		if (!arm_prove(&trial->arms[i], why))
			return no_figure(&trial->arms[i], why);
	return true;
}

bool trial_measured(struct trial *trial, const char *label)
{
	char why[ARM_WHY];
	bool terminal = isatty(STDERR_FILENO);
	for (unsigned round = 0; round < trial->rounds; round++) {
		for (unsigned k = 0; k < trial->arm_count; k++) {
			unsigned i = trial_order(trial->arm_count, round, k);
			if (!trial->quiet && terminal)
				fprintf(stderr, "\r%s: round %u of %u, %-12s", label, round + 1,
				        trial->rounds, trial->arms[i].name);
			if (!arm_measure(&trial->arms[i], trial->arguments,
			                 &trial->samples[i][round], why))
				return no_figure(&trial->arms[i], why);
		}
	}
	if (!trial->quiet)
		fprintf(stderr,
		        terminal ? "\r%s: %u rounds measured%20s\n" : "%s: %u rounds measured%s\n",
		        label, trial->rounds, "");
	return true;
}

void trial_run(struct trial *trial, const char *label)
{
	if (!trial_proved(trial) || !trial_measured(trial, label))
		exit(EXIT_NO_FIGURE);
}

void trial_costs(const struct trial *trial, unsigned arm, enum metric metric, double *costs)
{
	for (unsigned round = 0; round < trial->rounds; round++) {
		const struct sample *sample = &trial->samples[arm][round];
		costs[round] = metric == METRIC_CPU    ? sample->cpu_ns
		               : metric == METRIC_WALL ? sample->wall_ns
		                                       : sample->peak_rss_bytes;
	}
}

static json_object *numbers(const struct sample *samples, unsigned count, size_t offset)
{
	json_object *array = json_object_new_array();
	for (unsigned i = 0; i < count; i++) {
		double value;
		memcpy(&value, (const char *)&samples[i] + offset, sizeof(value));
		json_object_array_add(array, json_object_new_double(value));
	}
	return array;
}

json_object *trial_json(const struct trial *trial)
{
	static const struct {
		const char *key;
		size_t offset;
	} kept[] = {
	        {"cpu_ns", offsetof(struct sample, cpu_ns)},
	        {"wall_ns", offsetof(struct sample, wall_ns)},
	        {"ops_per_second", offsetof(struct sample, ops_per_second)},
	        {"peak_rss_bytes", offsetof(struct sample, peak_rss_bytes)},
	        {"rss_to_live", offsetof(struct sample, rss_to_live)},
	};
	json_object *arms = json_object_new_array();
	for (unsigned i = 0; i < trial->arm_count; i++) {
		json_object *arm = arm_json(&trial->arms[i]);
		for (size_t j = 0; j < sizeof(kept) / sizeof(kept[0]); j++)
			json_object_object_add(
			        arm, kept[j].key,
			        numbers(trial->samples[i], trial->rounds, kept[j].offset));
		json_object_array_add(arms, arm);
	}
	return arms;
}

json_object *trial_machine(void)
{
	json_object *machine = json_object_new_object();
	struct utsname uts;
	char line[256], model[200] = "unknown";
	FILE *file = fopen("/proc/cpuinfo", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "model name : %199[^\n]", model) == 1)
			break;
	if (file)
		fclose(file);
	json_object_object_add(machine, "cpu", json_object_new_string(model));
	json_object_object_add(machine, "cpus",
	                       json_object_new_int64(sysconf(_SC_NPROCESSORS_ONLN)));
	if (!uname(&uts))
		json_object_object_add(machine, "kernel", json_object_new_string(uts.release));
	return machine;
}
