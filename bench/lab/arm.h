/* SPDX-License-Identifier: MIT */
/*
 * An arm of a comparison: hakbench, or a command, in an environment of its own. The environment is
 * scrubbed: PATH, LC_ALL=C, LD_BIND_NOW=1, LD_PRELOAD when the arm has a library, and the arm's
 * settings; nothing of the caller's.
 */
#ifndef BENCH_ARM_H
#define BENCH_ARM_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

enum { ARM_SETTINGS = 32, ARM_WHY = 512 };

struct arm {
	const char *name;
	const char *settings[ARM_SETTINGS]; /* "K=V", ended by NULL */
	const char *library;                /* path; NULL: the system's malloc */
	const char *command;                /* measured instead of hakbench; NULL: none */
	json_object *proof;                 /* of arm_prove() */
};

/* One measurement. Costs are per operation, and per run for a command that is not hakbench. */
struct sample {
	double cpu_ns, wall_ns;
	double ops_per_second; /* 0: not known */
	double peak_rss_bytes;
	double rss_to_live; /* after the last phase of churn; 0: no such workload */
};

/*
 * Runs the arm once, not measured, and compares what it finds with what the arm claims. False when
 * they differ, with the reason; no figure may be told then.
 */
bool arm_prove(struct arm *arm, char why[ARM_WHY]);

/*
 * Measures once: hakbench with `arguments` (ended by NULL, --json is added), or the command. The
 * measured process's own proof is compared again. False: no figure, and the reason. A command may
 * measure what matters itself (a server without its load, say): when it prints a JSON object with
 * "cpu_ns", "wall_ns" and "peak_rss_bytes", these are the sample.
 */
bool arm_measure(const struct arm *arm, const char *const *arguments, struct sample *sample,
                 char why[ARM_WHY]);

/* The arm as JSON: name, settings, library, command, proof. */
json_object *arm_json(const struct arm *arm);

/* Path of the running hakbench, and of the libhakmem.so that belongs to it (NULL: none found). */
const char *arm_hakbench(void);
const char *arm_libhakmem(void);

#endif
