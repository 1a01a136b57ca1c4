/* SPDX-License-Identifier: MIT */
/*
 * A recorded allocation trace: a header, then one record per operation, in the order in which the
 * program performed them. Each record that makes an object (malloc, calloc, realloc, memalign)
 * gives it the next number, from 0; free and realloc name the object that ends. Little-endian, as
 * the machine.
 */
#ifndef BENCH_TRACE_FORMAT_H
#define BENCH_TRACE_FORMAT_H

#include <stdint.h>

#define TRACE_MAGIC     "hakmem trace 1\n" /* 16 bytes with its NUL */
#define TRACE_NO_OBJECT UINT32_MAX         /* free(NULL) */

enum trace_op {
	TRACE_MALLOC,
	TRACE_CALLOC,
	TRACE_REALLOC,
	TRACE_MEMALIGN,
	TRACE_FREE,
	TRACE_OPS,
};

struct trace_header {
	char magic[16];
	uint64_t records; /* operations */
	uint64_t objects; /* records that made one */
	uint64_t bytes;   /* requested, the sum of `size` */
	uint64_t skipped; /* failed operations, and those on blocks from before the recording */
	uint32_t threads; /* numbers in use: 0..threads-1 */
	uint32_t pid;
	char program[64];
	char reserved[3976];
};

struct trace_record {
	uint32_t object; /* free, realloc: which */
	uint16_t thread; /* in order of the threads' first operations */
	uint8_t op;
	uint8_t align_bits; /* memalign: log2 of the alignment */
	uint64_t size;      /* requested bytes; free: 0 */
};

_Static_assert(sizeof(struct trace_header) == 4096, "the records begin on a page");
_Static_assert(sizeof(struct trace_record) == 16, "records have no padding");

#endif
