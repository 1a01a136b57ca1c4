/* SPDX-License-Identifier: MIT */
/* The report of hakbench compare, which report.c begins. */
#ifndef BENCH_REPORT_COMPARE_H
#define BENCH_REPORT_COMPARE_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/lab/lab.h"

/* Markdown; the exit status. */
int report_compare(FILE *out, json_object *result);

/* Adds the rows of another result of compare; false when that has other arms. */
bool report_append(json_object *result, json_object *other);

/* Grouped bars: what each arm needs relative to glibc (arm 1), or its speed. */
bool report_compare_plot(json_object *result, const char *path, const char *key, const char *label,
                         bool speed);

#endif
