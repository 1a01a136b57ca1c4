/* SPDX-License-Identifier: MIT */
/*
 * Floor 4: memory for the allocator's own structures: magazines and thread records. Blocks are
 * powers of two from 128 bytes; freed ones are kept for reuse, never returned to the OS.
 */
#ifndef HAK_META_H
#define HAK_META_H

#include "base.h"

/* Zeroed, aligned to 64 (or to its size if smaller). NULL when the OS has no memory. */
void *meta_take(size_t bytes);

/* Gives back what meta_take(bytes) returned. */
void meta_give(void *p, size_t bytes);

/*
 * Whole pages for a structure that outgrows the above, zeroed; NULL when the OS has no memory.
 * In front of them and behind them lies an inaccessible page, as around all metadata, so that
 * blocks that overflow do not reach them. Or it should: where the system's limit of mappings is
 * reached it does not.
 */
void *meta_map(size_t bytes);
void meta_unmap(void *p, size_t bytes);

/* What meta_map(bytes) maps in all. */
static inline size_t meta_mapped(size_t bytes)
{
	return round_up(bytes, PAGE_SIZE) + 2 * PAGE_SIZE;
}

void meta_lock(void); /* for fork */
void meta_unlock(void);

/* For checks, while no other thread runs: whether all is in order, and how many bytes are taken. */
bool meta_is_valid(void);
size_t meta_taken_bytes(void);

#endif
