/* SPDX-License-Identifier: MIT */
/* A recorded trace, read and checked. */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/trace/format.h"

struct trace {
	const struct trace_header *header;
	const struct trace_record *records;
	size_t mapped_bytes;
};

/*
 * Maps a trace and checks that every object is made before it ends, and ends once. NULL, or what is
 * wrong with it; the trace is then closed.
 */
const char *trace_open(struct trace *trace, const char *path);
void trace_close(struct trace *trace);

bool trace_makes_object(enum trace_op op);

#endif
