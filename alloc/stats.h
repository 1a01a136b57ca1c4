/* SPDX-License-Identifier: MIT */
/* Floor 6: what the allocator holds, for mallinfo2() and its kin. */
#ifndef HAK_STATS_H
#define HAK_STATS_H

#include "base.h"

struct stats {
	size_t arena_bytes; /* mapped by arenas and for metadata */
	size_t huge_bytes;  /* mapped for huge blocks */
	size_t huge_blocks;
	size_t used_bytes;  /* in blocks that the program holds, huge ones not included */
	size_t free_bytes;  /* arena_bytes - used_bytes */
	size_t dirty_bytes; /* of these, whole granules that a purge would give back */
	uint64_t mallocs, frees;
	uint64_t guarded, guarded_in_use; /* blocks that HAKMEM_GUARD chose */
};

void stats_read(struct stats *stats);

#endif
