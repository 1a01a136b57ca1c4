/* SPDX-License-Identifier: MIT */
/* Floor 0: constants of the layout. Change them here only; the asserts say what must hold. */
#ifndef HAK_CONF_H
#define HAK_CONF_H

#include <assert.h>
#include <stdint.h>

#include "../bpf/record.h"

#if !defined(__x86_64__) || !defined(__LP64__)
#error "libhakmem is written for x86-64 Linux (LP64)"
#endif

enum {
	PAGE_SIZE = 4096,
	PAGE_SHIFT = 12,
	ALIGN_MIN = 16, /* of every block */

	GRANULE_SHIFT = 16,
	GRANULE_SIZE = 1 << GRANULE_SHIFT,

	ARENA_SHIFT = 22,
	ARENA_SIZE = 1 << ARENA_SHIFT,
	ARENA_GRANULES = ARENA_SIZE / GRANULE_SIZE,
	ARENA_BARRIER = PAGE_SIZE, /* at its start, inaccessible: in front of its header */

	ARENA_SHARDS = HAK_ARENA_SHARDS,

	/*
	 * All arenas lie in the lowest 2^WINDOW_SHIFT bytes of the address space, so that the hot
	 * path can index the address map without subtracting a base, and so that its zero-filled
	 * state is right before anything was initialised. 39: 512 GiB, a map of 16 MiB of which
	 * only the touched pages exist.
	 */
	WINDOW_SHIFT = 39,
	WINDOW_GRANULES = 1 << (WINDOW_SHIFT - GRANULE_SHIFT),
	WINDOW_ARENAS = 1 << (WINDOW_SHIFT - ARENA_SHIFT),

	SMALL_SPACING = 16, /* of size classes up to SMALL_MAX */
	SMALL_MAX = 1024,
	MEDIUM_SPACING = 128, /* unit of the table up to MEDIUM_MAX */
	MEDIUM_MAX = 32768,   /* largest size class */

	LARGE_MAX = 2 << 20, /* larger blocks are huge */

	MAGAZINE_CELLS_MIN = 14, /* capacities are 2^k - 2, so that magazines are 2^k words */
	MAGAZINE_CELLS_MAX = 254,

	GUARD_SLOTS = 256, /* blocks that HAKMEM_GUARD can watch at a time, freed ones included */
	GUARD_BLOCK_MAX = PAGE_SIZE, /* larger classes are not guarded */

	TALLY_PERIOD_MS = 100,
	SAMPLES_PER_SECOND_MAX = 250, /* per thread; above it the thread raises its distance: a
	                               * sample with its stack costs some 30 us */
};

#define WINDOW_BYTES ((uintptr_t)1 << WINDOW_SHIFT)

/* Arenas start somewhere in here, at random: above what non-PIE programs and compressed-pointer
 * heaps like to use. From there they are looked for in both directions. */
#define WINDOW_FIRST ((uintptr_t)64 << 30)
#define WINDOW_LAST  ((uintptr_t)508 << 30)

static_assert(ARENA_GRANULES == 64, "free granules of an arena are one word");
static_assert(LARGE_MAX / GRANULE_SIZE < ARENA_GRANULES - 1, "a large block fits an arena");
static_assert(WINDOW_SHIFT <= 46, "user addresses have 47 bits");

#endif
