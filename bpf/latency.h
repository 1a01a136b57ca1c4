/* SPDX-License-Identifier: MIT OR (GPL-2.0 OR BSD-2-Clause) */
/* What latency.bpf.c counts: how long cold visits take, by operation and route. */
#ifndef HAK_LATENCY_EVENT_H
#define HAK_LATENCY_EVENT_H

#include "record.h"

enum {
	HAK_LATENCY_MALLOC, /* operation of hakmem:cold_begin */
	HAK_LATENCY_FREE,
	HAK_LATENCY_OPERATIONS,
	HAK_LATENCY_BUCKETS =
	        32, /* bucket 0: below 2 ns; i: 2^i up to 2^(i+1) ns; the last: and above */
	HAK_LATENCY_CELLS = HAK_LATENCY_OPERATIONS * HAK_ROUTE_COUNT,
};

struct hak_latency {
	hak_u64 visits;
	hak_u64 sum_ns;
	hak_u64 least_ns; /* the shortest visit + 1; 0 there was none */
	hak_u64 buckets[HAK_LATENCY_BUCKETS];
};

#endif
