/* SPDX-License-Identifier: MIT */
#include "shortage.h"

#include "arena.h"
#include "decay.h"
#include "idle.h"
#include "large.h"
#include "libc.h"
#include "os.h"
#include "secure.h"
#include "size_class.h"
#include "tcache.h"

enum { OTHERS_SHARE = 8 };

static uint64_t state_before; /* when giving back did not help, or not again */
static uint64_t others_due;   /* ns */

/* A number that changes when what is kept does. */
static uint64_t state_of_memory(void)
{
	struct hak_arenas arenas;
	uint64_t state = tcache_depth();
	arena_gauges(&arenas);
	for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++)
		state += gauge_get(tally_process.memory.depot_blocks[class]) +
		         gauge_get(tally_process.memory.span_free[class]) + secure_waiting(class);
	return state * 16 + arenas.arena_bytes * 3 + arenas.span_bytes * 5 +
	       arenas.large_bytes * 7 + arenas.huge_bytes * 11 + arenas.huge_cached_bytes * 13;
}

cold_path bool shortage_relieve(struct thread *thread)
{
	uint64_t begin = os_clock_ns();
	bool ask_others = begin >= gauge_get(others_due);
	if (!ask_others && state_of_memory() == gauge_get(state_before))
		return false;
	if (ask_others)
		idle_trim_all(thread);
	tcache_flush_own(thread);
	decay_unmap_all();
	gauge_set(state_before, state_of_memory());
	if (ask_others) {
		uint64_t end = os_clock_ns();
		gauge_set(others_due, end + (end - begin) * OTHERS_SHARE);
	}
	return true;
}

/* Aligned as all blocks of the class are: who asked for it may count on that. */
static void *malloc_libc(size_t n, unsigned class)
{
	size_t size = size_class_size(class), align = size & -size;
	return align <= ALIGN_MIN ? __libc_malloc(n) : __libc_memalign(align, n);
}

cold_path void *shortage_malloc(size_t n, unsigned class)
{
	struct large block;
	bool zeroed;
	void *p = libc_is_there() ? malloc_libc(n, class) : NULL;
	if (p || !large_take(size_class_size(class), PAGE_SIZE, false, &block, &zeroed))
		return p;
	return block.base;
}
