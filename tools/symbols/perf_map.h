/* SPDX-License-Identifier: MIT */
/*
 * Names of code that a process has made itself (JIT), from the file that runtimes write for perf:
 * /tmp/perf-PID.map, one line "START SIZE NAME" a function, both in hexadecimal.
 */
#ifndef HAK_PERF_MAP_H
#define HAK_PERF_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "tools/base/intern.h"

struct perf_map;

/* Of process `pid`, whose file is looked for at the first question, also as the process itself sees
 * /tmp and its pid; `names` outlives the result. NULL when out of memory. */
struct perf_map *perf_map__new(pid_t pid, struct intern *names);

/* Accepts NULL. */
void perf_map__free(struct perf_map *map);

/* The function at `address`, of the last line that covers it; NULL when there is none. Interned.
 * Lines that the process has added since are found, at most a moment later. */
const char *perf_map__name(struct perf_map *map, uint64_t address);

/* Takes in the lines of `text`; those that are none are passed over. 0, -ENOMEM (also
 * when there are more names than any program has), or -EFBIG when it is no text of lines at all. */
int perf_map__parse(struct perf_map *map, FILE *text);

#endif
