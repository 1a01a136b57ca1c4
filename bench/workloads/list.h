/* SPDX-License-Identifier: MIT */
/* X(name): every workload there is, in the order in which they are listed. */
#ifndef BENCH_LIST_H
#define BENCH_LIST_H

#include "bench/workloads/bench.h"

/* clang-format off */
#define BENCH_WORKLOADS(X) \
	X(mixed) X(c6) X(c7) X(tiny) X(larson) X(pc) X(xmalloc) X(scratch) X(churn) X(realloc) \
	X(calloc) X(large) X(threads) X(trace) X(hit)
/* clang-format on */

#define WORKLOAD_DECLARED(id) extern const struct workload workload_##id;
BENCH_WORKLOADS(WORKLOAD_DECLARED)

#endif
