/* SPDX-License-Identifier: MIT */
/* Reading a kept result (JSON): arms and their samples. */
#ifndef BENCH_KEPT_H
#define BENCH_KEPT_H

#include <json-c/json.h>
#include <stdio.h>

#include "bench/lab/verdict.h"

json_object *kept_at(json_object *object, const char *key);
/* "-" when it is not there. */
const char *kept_text(json_object *object, const char *key);

/* Of a result, or of a row of `compare`. */
json_object *kept_arm(json_object *row, size_t index);
size_t kept_arms(json_object *row);

/* Copies the samples of an arm; returns how many there are. */
size_t kept_samples(json_object *arm, const char *key, double values[VERDICT_ROUNDS_MOST]);

/* All zero when there are no samples. */
struct interval kept_interval(json_object *arm, const char *key);
double kept_least(json_object *arm, const char *key);

/* Over the rounds: samples of `a` / samples of `b`. */
struct interval kept_ratio(json_object *a, json_object *b, const char *key);

/* One line: what the figures were measured on. */
void kept_write_machine(FILE *out, json_object *result);

#endif
