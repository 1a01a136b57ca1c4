/* SPDX-License-Identifier: MIT */
/* hakbench's commands that compare: what they take, and where each begins. */
#ifndef BENCH_LAB_H
#define BENCH_LAB_H

#include "bench/lab/trial.h"

enum { LAB_LIST = 16, LAB_ARGUMENTS = 24 };

struct lab_options {
	struct arm a, b;            /* ab */
	const char *library;        /* --lib PATH: of both arms; gap: hakmem's */
	const char *libs[LAB_LIST]; /* compare: NAME=PATH */
	const char *workloads[LAB_LIST];
	const char *threads[LAB_LIST];
	unsigned rounds;
	double threshold; /* as a fraction */
	double limit;     /* gap: of the forced arm, as a fraction */
	enum metric metric;
	const char *output; /* file; compare: directory */
	const char *plot;   /* report: file */
	const char *seconds, *ops, *seed, *trace;
	const char *slots;           /* compare: of the workloads that have them */
	const char *programs;        /* compare: file of commands, each a row */
	const char *files[LAB_LIST]; /* report: what to read */
	bool quick;
};

/* Arguments of hakbench for one workload; `arguments` ends with NULL. */
void lab_arguments(const struct lab_options *options, const char *workload, const char *threads,
                   const char *arguments[LAB_ARGUMENTS]);

/* "cpu" or "wall". */
const char *lab_metric_name(enum metric metric);

/* {"median", "low", "high"} */
json_object *lab_interval_json(struct interval interval);

/* Writes the object and says where on stderr; ends the program when it cannot. */
void lab_keep(json_object *object, const char *path);

/* Each is a command and returns the exit status. */
int lab_ab(const struct lab_options *options);
int lab_gap(const struct lab_options *options);
int lab_compare(const struct lab_options *options);
int lab_report(const struct lab_options *options);

/* Parses the command line of the command argv[0], and runs it: the exit status. */
int lab_main(int argc, char **argv);

#endif
