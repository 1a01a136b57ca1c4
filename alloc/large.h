/* SPDX-License-Identifier: MIT */
/*
 * Floor 5: blocks without a size class. Up to LARGE_MAX they are runs of granules of an arena, so
 * that freed ones are at hand for a while (until the purge); larger ones, and those aligned to more
 * than that, are huge: a mapping each, anywhere, found through a hash table keyed by address. Of
 * freed ones some are kept until the purge as well, because mapping, faulting in and unmapping
 * costs far more than a malloc should.
 */
#ifndef HAK_LARGE_H
#define HAK_LARGE_H

#include "base.h"

struct large {
	void *base;
	size_t bytes; /* of the whole block: what malloc_usable_size() tells */
	bool sampled; /* otel_memory:alloc fired for it */
	bool huge;
	uint8_t shard; /* huge: that it belongs to */
};

/*
 * A block of at least `n` bytes (1 .. PTRDIFF_MAX) aligned to `align` (a power of two). `*zeroed`
 * tells whether its bytes read as zero. `growing`: it replaces a smaller one, and is likely to be
 * resized again. False when there is no memory.
 */
bool large_take(size_t n, size_t align, bool growing, struct large *block, bool *zeroed);

/* Makes the block's first `n` bytes zero. Pages that it does not have it need not get for that. */
void large_clear(const struct large *block, size_t n);

/* How many bytes of freed huge blocks are kept for the next
 * taker; 0: none. Called once, at start. */
void large_init(size_t cache_bytes);

/* From now on a large block is a mapping of its own, as huge ones are, as long as there are not so
 * many that they have no barriers. Called at most once, at start. */
void large_keep_apart(void);

/* Unmaps kept blocks that were freed before `before_ns` (coarse clock). */
void large_purge(uint64_t before_ns);

/* Finds the block that starts at `p`; false when none of ours
 * does. Aborts for a pointer into one. */
bool large_find(const void *p, struct large *block);

/* Frees a block as found by large_find(). */
void large_give(const struct large *block);

/* Remembers whether the block was sampled. */
void large_set_sampled(struct large *block, bool sampled);

/*
 * Makes a block as found by large_find() `n` bytes long where it lies, or for a huge one by letting
 * the kernel move its pages; `block` tells where it is now. False, nothing changed, when neither
 * works.
 */
bool large_resize(struct large *block, size_t n);

/* Huge blocks in use. */
size_t large_huge_count(void);

void large_lock(void); /* for fork */
void large_unlock(void);

/*
 * For checks, while no other thread runs. Whether the tables of huge blocks are in order; these
 * blocks, one by one; the bytes that are mapped for the tables.
 */
bool large_is_valid(void);
void large_each(void (*visit)(const void *base, size_t bytes, void *about), void *about);
size_t large_table_bytes(void);

#endif
