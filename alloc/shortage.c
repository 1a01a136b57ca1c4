/* SPDX-License-Identifier: MIT */
#include "shortage.h"

#include "arena.h"
#include "decay.h"
#include "idle.h"
#include "libc.h"
#include "secure.h"
#include "size_class.h"
#include "tally.h"
#include "tcache.h"

/* When all was given back the last time. */
static uint64_t counted_before;
static uint64_t state_before; /* 0: not known, or it was not all */

/* A sum would not do: one figure goes up as another goes down. */
static uint64_t mix(uint64_t state, uint64_t figure)
{
	state = (state ^ figure) * 0x9e3779b97f4a7c15u;
	return state ^ state >> 32;
}

/* A number that changes when what is kept does, and with `changes`, which tell of threads. */
static uint64_t state_of_memory(uint64_t changes)
{
	struct hak_arenas arenas;
	uint64_t state = changes;
	arena_gauges(&arenas);
	for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++) {
		state = mix(state, gauge_get(tally_process.memory.depot_blocks[class]));
		state = mix(state, gauge_get(tally_process.memory.span_free[class]));
		state = mix(state, secure_waiting(class));
	}
	state = mix(state, arenas.arena_bytes);
	state = mix(state, arenas.span_bytes);
	state = mix(state, arenas.large_bytes);
	state = mix(state, arenas.huge_bytes);
	return mix(state, arenas.huge_cached_bytes);
}

/* Where visits tell of nothing. What others could not have of its stock this thread can give. */
static bool is_as_before(uint64_t *changes)
{
	*changes = tally_changes(true);
	return !tcache_depth() && state_of_memory(*changes) == gauge_get(state_before);
}

cold_path bool shortage_relieve(struct thread *thread)
{
	/* Before: who frees meanwhile may have been asked. */
	uint32_t trims = idle_trims();
	uint64_t counted = tally_changes(false), changes = 0;
	if (counted == gauge_get(counted_before) && is_as_before(&changes))
		return false;
	tcache_flush_own(thread);
	bool all = idle_trim_all(thread, trims);
	decay_unmap_all();
	gauge_set(counted_before, counted);
	gauge_set(state_before, all && changes ? state_of_memory(changes) : 0);
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
	return libc_is_there() ? malloc_libc(n, class) : NULL;
}
