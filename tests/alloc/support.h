/* SPDX-License-Identifier: MIT */
/*
 * What the allocator's unit tests share. The program links all of alloc/ but the libc names, so
 * CUnit and the tests themselves live on libc's malloc. Probe firings and mappings go through
 * wrappers (the linker's --wrap), where tests count the former and let the latter fail.
 */
#ifndef HAK_TEST_SUPPORT_H
#define HAK_TEST_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/record.h"

/* Initialises the allocator as the first malloc would. */
void support_init(void);

struct support_probes {
	uint64_t sampled;       /* otel_memory:alloc */
	double weight;          /* sum of its third argument, w */
	double variance;        /* of that sum, estimated: sum of w (w - size) */
	uint64_t freed;         /* otel_memory:free */
	uint64_t free_at_freed; /* free blocks of the block's span when that fired last */
	uint64_t refills, refill_blocks, flushes, flush_blocks;
	uint64_t os_maps, span_news, span_frees;
};
extern struct support_probes support_probes;

/* The gauges of all arenas. */
struct hak_arenas support_arenas(void);

/* Raises or lowers the semaphore of otel_memory:alloc and :free, as an attached tool does. */
void support_sample(bool on);

/* Raises or lowers those of refill, flush, os_map, span_new, span_free. */
void support_watch(bool on);

/* The next mappings fail with ENOMEM: all after the first `after`; -1: none. */
void support_fail_maps(long after);

/* Memory barriers, purges, and copies of what may vanish, are refused after the first `after`; -1:
 * none. */
void support_fail_barriers(long after);
void support_fail_purges(long after);
void support_fail_copies(long after);

/* Mappings of more than `bytes` fail with ENOMEM; 0: they do not. */
void support_map_limit(size_t bytes);

/* The coarse clock goes on by `ns` at every look; 0: it is the real one again. */
void support_clock_step(uint64_t ns);

/*
 * Runs `f(argument)` in a child process. Returns its wait status; what it wrote to stderr is in
 * `text` (of `size` bytes, zero-terminated).
 */
int support_in_child(void (*f)(void *), void *argument, char *text, size_t size);

/*
 * Under ThreadSanitizer. It waits for ever for a thread that ended by the system call, cannot follow
 * what a thread does in its last round of destructors (when it thinks that the thread has ended),
 * and has one of the functions of glibc's allocator replaced (__libc_memalign) and not the others.
 */
#ifdef __SANITIZE_THREAD__
enum { SUPPORT_TSAN = true };
#else
enum { SUPPORT_TSAN = false };
#endif

/* A cheap generator; `state` is any number. */
uint64_t support_random(uint64_t *state);

#endif
