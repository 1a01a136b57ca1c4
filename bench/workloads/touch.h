/* SPDX-License-Identifier: MIT */
/* What the application does with a new block: it writes to it. */
#ifndef BENCH_TOUCH_H
#define BENCH_TOUCH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bench/workloads/bench.h"

enum { TOUCH_LEAST = 8 }; /* every block has at least that many bytes */

/* A failed allocation ends the program here: the result of a benchmark that failed is none. */
static inline __attribute__((always_inline)) void touch_block(void *block, size_t size,
                                                              size_t touch)
{
	if (__builtin_expect(!block, 0))
		bench_fail("malloc");
	*(volatile uint64_t *)block = size;
	if (__builtin_expect(touch > TOUCH_LEAST, 0))
		memset((char *)block + TOUCH_LEAST, 0x5a,
		       (touch < size ? touch : size) - TOUCH_LEAST);
}

/* One write to each page, so that RSS is what an application would have. */
static inline void touch_pages(void *block, size_t size)
{
	if (!block)
		bench_fail("malloc");
	for (size_t i = 0; i < size; i += 4096)
		((volatile char *)block)[i] = 1;
}

#endif
