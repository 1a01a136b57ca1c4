/* SPDX-License-Identifier: MIT */
#include "meta.h"

#include <string.h>

#include "lock.h"
#include "os.h"
#include "tally.h"

enum {
	CHUNK = 256 * 1024,
	CHUNK_SHORT = 16 * 1024, /* where there is no address space for that */
	MIN_SHIFT = 7,
	SHIFTS = 12, /* 128 B … 256 KiB */
};

struct free_block {
	struct free_block *next;
};

static struct lock lock;
static struct free_block *free_lists[SHIFTS];
static char *chunk;
static size_t chunk_left;
static size_t taken; /* bytes */

static unsigned list_of(size_t bytes)
{
	unsigned list = 0;
	while (((size_t)1 << (list + MIN_SHIFT)) < bytes)
		list++;
	return list;
}

void *meta_map(size_t bytes)
{
	void *base;
	bytes = round_up(bytes, PAGE_SIZE);
	if (os_map(bytes + 2 * PAGE_SIZE, PAGE_SIZE, &base))
		return NULL;
	char *first = (char *)base + PAGE_SIZE;
	os_protect(base, PAGE_SIZE, false);
	os_protect(first + bytes, PAGE_SIZE, false);
	return first;
}

void meta_unmap(void *p, size_t bytes)
{
	bytes = round_up(bytes, PAGE_SIZE);
	if (os_unmap((char *)p - PAGE_SIZE, bytes + 2 * PAGE_SIZE))
		os_purge(p, bytes); /* too many mappings: at least no memory is lost */
}

/* Lock held. What is left of the chunk goes to the lists: it may be all that there is. (Else it is
 * not worth the pages that would be touched.) */
static void keep_rest(void)
{
	for (unsigned list = SHIFTS; list--;) {
		size_t bytes = (size_t)1 << (list + MIN_SHIFT);
		if (chunk_left < bytes)
			continue;
		struct free_block *block = (struct free_block *)chunk;
		block->next = free_lists[list];
		free_lists[list] = block;
		chunk += bytes;
		chunk_left -= bytes;
	}
}

/* Lock held. */
static bool new_chunk(size_t bytes)
{
	size_t got = CHUNK;
	void *base = meta_map(got);
	if (!base) {
		got = max_size(bytes, CHUNK_SHORT);
		base = meta_map(got);
		keep_rest();
	}
	if (!base)
		return false;
	chunk = base;
	chunk_left = got;
	__atomic_add_fetch(&tally_process.memory.metadata_bytes, meta_mapped(got),
	                   __ATOMIC_RELAXED);
	return true;
}

/* Lock held. Fresh memory from the current chunk, which is replaced when it is too short. */
static void *carve(size_t bytes)
{
	if (chunk_left < bytes && !new_chunk(bytes))
		return NULL;
	void *p = chunk;
	chunk += bytes;
	chunk_left -= bytes;
	return p;
}

void *meta_take(size_t bytes)
{
	unsigned list = list_of(bytes);
	hak_assert(list < SHIFTS);
	lock_take(&lock);
	struct free_block *block = free_lists[list];
	void *fresh = NULL;
	if (block)
		free_lists[list] = block->next;
	else
		fresh = carve((size_t)1 << (list + MIN_SHIFT));
	taken += block || fresh ? (size_t)1 << (list + MIN_SHIFT) : 0;
	lock_give(&lock);
	if (block)
		memset(block, 0, bytes);
	return block ? (void *)block : fresh;
}

void meta_give(void *p, size_t bytes)
{
	struct free_block *block = p;
	unsigned list = list_of(bytes);
	hak_assert((uintptr_t)p % 64 == 0);
	lock_take(&lock);
	block->next = free_lists[list];
	free_lists[list] = block;
	taken -= (size_t)1 << (list + MIN_SHIFT);
	lock_give(&lock);
}

void meta_lock(void)
{
	lock_take(&lock);
}

void meta_unlock(void)
{
	lock_give(&lock);
}

/* --- checks ----------------------------------------------------------------------------------- */

bool meta_is_valid(void)
{
	for (unsigned list = 0; list < SHIFTS; list++) {
		size_t alignment = min_size((size_t)1 << (list + MIN_SHIFT), 64), n = 0;
		for (const struct free_block *b = free_lists[list]; b; b = b->next)
			if ((uintptr_t)b % alignment || n++ > tally_process.memory.metadata_bytes)
				return false;
	}
	return chunk_left <= CHUNK;
}

size_t meta_taken_bytes(void)
{
	return taken;
}
