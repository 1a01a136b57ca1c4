/* SPDX-License-Identifier: MIT */
#include "stats.h"

#include "guard.h"
#include "arena.h"
#include "large.h"
#include "size_class.h"
#include "tally.h"

void stats_read(struct stats *stats)
{
	static const struct stats none;
	struct tally_sum sum;
	const struct hak_memory *memory = &tally_process.memory;
	struct hak_arenas arenas;
	struct guard_figures figures;
	*stats = none;
	guard_read(&figures);
	stats->guarded = figures.guarded;
	stats->guarded_in_use = figures.in_use;
	tally_sum(&sum);
	arena_gauges(&arenas);
	for (unsigned c = 0; c < HAK_CLASS_COUNT; c++) {
		stats->mallocs += sum.mallocs[c];
		stats->frees += sum.frees[c];
		if (sum.mallocs[c] > sum.frees[c])
			stats->used_bytes += (sum.mallocs[c] - sum.frees[c]) * size_class_size(c);
	}
	stats->huge_bytes = arenas.huge_bytes;
	stats->huge_blocks = large_huge_count();
	stats->used_bytes += arenas.large_bytes;
	stats->arena_bytes =
	        arenas.arena_bytes + gauge_get(memory->metadata_bytes) + arenas.huge_cached_bytes;
	if (stats->used_bytes > stats->arena_bytes) /* read while other threads run */
		stats->used_bytes = stats->arena_bytes;
	stats->free_bytes = stats->arena_bytes - stats->used_bytes;
	stats->dirty_bytes = arenas.dirty_bytes + arenas.huge_cached_bytes;
}
