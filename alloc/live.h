/* SPDX-License-Identifier: MIT */
/*
 * Floor 5: which blocks the program has. One bit per 16 bytes of an arena, set where a block of a
 * size class begins that was handed out and has not come back. It answers at once, and by the
 * address alone, whether a pointer may be freed; a span's own bits cannot, because they say "out"
 * of blocks in magazines as well.
 *
 * The bits fill the first half of granule 1 of each arena, where arena_init() was told to keep that
 * granule free for them: in the profile secure, and in the build SECURE=1. What is not touched is
 * zero and has no page: a page of them stands for 512 KiB.
 */
#ifndef HAK_LIVE_H
#define HAK_LIVE_H

#include "arena.h"

/* From the header on. */
enum {
	LIVE_OFFSET = GRANULE_SIZE - ARENA_BARRIER,
	LIVE_BYTES = (int)ARENA_SIZE / (int)ALIGN_MIN / 8
};

static_assert((size_t)LIVE_BYTES <= GRANULE_SIZE, "the bits fit the granule");

static inline uint64_t *live_word(const void *p, uint64_t *bit)
{
	size_t index = (uintptr_t)p % ARENA_SIZE / ALIGN_MIN;
	*bit = (uint64_t)1 << (index % 64);
	return (uint64_t *)((char *)arena_of(p) + LIVE_OFFSET) + index / 64;
}

/* Of an address in an arena of ours. False for one that is not aligned as blocks are. */
static inline bool live_get(const void *p)
{
	uint64_t bit, *word = live_word(p, &bit);
	return !((uintptr_t)p % ALIGN_MIN) && __atomic_load_n(word, __ATOMIC_RELAXED) & bit;
}

/* Of a block; tells whether it was live before. Of threads that do this at the same time one is
 * told so. */
static inline bool live_begin(const void *p)
{
	uint64_t bit, *word = live_word(p, &bit);
	return __atomic_fetch_or(word, bit, __ATOMIC_ACQ_REL) & bit;
}

/* Of an address in an arena of ours, the same. */
static inline bool live_end(const void *p)
{
	uint64_t bit, *word = live_word(p, &bit);
	return !((uintptr_t)p % ALIGN_MIN) &&
	       __atomic_fetch_and(word, ~bit, __ATOMIC_ACQ_REL) & bit;
}

#endif
