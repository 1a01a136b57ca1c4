/* SPDX-License-Identifier: MIT */
/* What a run of a workload has measured, for people and for programs. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "bench/run/runner.h"

/* On stdout; `n/a` (null in JSON) for what the machine does not count. */
void report_text(const struct workload *workload, const struct bench_options *options,
                 const struct result *result);
/* One object on one line. */
void report_json(const struct workload *workload, const struct bench_options *options,
                 const struct result *result);

#endif
