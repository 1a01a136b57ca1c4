/* SPDX-License-Identifier: MIT */
/*
 * Floor 5: guarded blocks, for HAKMEM_GUARD, in the manner of GWP-ASan. A pool of pages with
 * inaccessible ones between them; a guarded block has a page for itself and lies at its end (three
 * of four) or at its start. What of the page is not the block's is filled with a pattern. So
 *   - an access beyond the page's edge faults: overflow behind a block at the end (up to 15 bytes
 *     of padding may lie between, for alignment), underflow in front of one at the start;
 *   - a write that stays in the page is noticed when the block is freed;
 *   - a freed block's page is inaccessible until all other free pages were used: use after free.
 * The report is written by a handler of SIGSEGV, which then lets the signal take its course.
 *
 * The pool lies outside of the window: class 0, so that free and realloc come to the cold path.
 */
#ifndef HAK_GUARD_H
#define HAK_GUARD_H

#include "base.h"

/*
 * Maps the pool and watches faults; from then on guard_one_in() tells what `one_in` (≥ 1) was.
 * Called once, at start. When there is no memory that is reported and nothing is guarded.
 */
void guard_init(uint64_t one_in);

/* One in so many allocations is to be guarded; 0: none. */
uint64_t guard_one_in(void);

/*
 * A block of exactly `n` bytes (0 .. GUARD_BLOCK_MAX), which was chosen in place of one of size
 * class `class`; aligned to 16, and where n is a multiple of a larger power of two to that (up to
 * PAGE_SIZE). Its bytes may be anything. `sampled` is kept for guard_find(). NULL: no slot is free.
 */
void *guard_take(size_t n, unsigned class, bool sampled);

/* Tells whether `p` is in the pool. Any address is fine. */
bool guard_owns(const void *p);

struct guarded {
	unsigned class;
	bool sampled; /* otel_memory:alloc fired for it */
};

/* Of what guard_owns() says: finds the block that starts at
 * `p`. Aborts when none is in use there. */
void guard_find(const void *p, struct guarded *block);

/* The same for its usable bytes: those that were asked for. */
size_t guard_bytes(const void *p);

/* Frees it. Aborts on misuse, that is also when bytes around the block have changed. */
void guard_give(void *p);

struct guard_figures {
	uint64_t guarded; /* blocks, since the start */
	uint64_t in_use;
};
void guard_read(struct guard_figures *figures);

void guard_lock(void); /* for fork */
void guard_unlock(void);

/* For checks, while no other thread runs: whether pool and queue are in order. */
bool guard_is_valid(void);

#endif
