/* SPDX-License-Identifier: MIT */
/* What the process has used, from the kernel, and which object serves its malloc. */
#ifndef BENCH_RESOURCES_H
#define BENCH_RESOURCES_H

#include <stdint.h>

struct resources {
	uint64_t cpu_ns;      /* user and system time of all threads */
	uint64_t page_faults; /* minor and major */
};

struct resources resources_now(void);

/* Bytes; of this process image only (ru_maxrss would include what ran before the exec). */
uint64_t resources_rss(void);
uint64_t resources_peak_rss(void);

/* Path of the object whose `malloc` this program calls; "unknown" when the linker cannot say. */
const char *resources_allocator(void);

#endif
