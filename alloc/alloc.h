/* SPDX-License-Identifier: MIT */
/*
 * Floor 10: the hot path, and next to it the doors to the cold one. What stands here is all that a
 * malloc or free executes that finds its magazine: `make icount` counts it.
 */
#ifndef HAK_ALLOC_H
#define HAK_ALLOC_H

#include <string.h>

#include "address_map.h"
#include "base.h"
#include "tcache.h"

/* Cold continuations: the same contracts as the functions they continue. */
void *alloc_malloc_cold(size_t n);
void alloc_free_cold(void *p);
void alloc_free_sized_cold(void *p, size_t align, size_t n);
void *alloc_calloc_cold(size_t n);
void *alloc_realloc_cold(void *p, size_t n); /* p is not NULL and of no class */

/*
 * The doors through which the hot path leaves: to the continuations above, or to glibc with
 * HAKMEM_FORCE_LIBC_ALLOC=1. Data (law 2): nobody asks for that mode. It lies in memory that the
 * dynamic linker makes read-only, and only that mode changes it.
 */
struct alloc_doors {
	void *(*malloc)(size_t n);
	void (*free)(void *p);
	void *(*calloc)(size_t n);
};
extern struct alloc_doors alloc_doors __attribute__((visibility("hidden")));

/*
 * realloc of a block of `size` bytes, of a size class, that must be copied or (n = 0) freed; or
 * that must be looked at first (size = 0). Where there is no memory a block that is to shrink stays
 * as it is.
 */
void *alloc_move(void *p, size_t size, size_t n);

/* As the functions of the C library that are named alike; errno is set on failure. */
void *alloc_aligned(size_t align, size_t n); /* align: a power of two */
size_t alloc_usable_size(void *p);

/*
 * Slot offset for a request of `n` bytes. 0 (class 0, which never has credit) for 0 bytes, for
 * requests beyond the size classes, and before the tables are filled.
 */
hot_inline size_t alloc_slot(size_t n)
{
	if (likely(n <= SMALL_MAX - CHECKS_PAD)) {
		/* n * SMALL_SCALE + …, in one instruction; clang takes two. */
		size_t slot;
		__asm__("leaq %c2(%1,%1), %0"
		        : "=r"(slot)
		        : "r"(n), "i"(SLOT_BYTES - SMALL_SCALE + CHECKS_PAD * SMALL_SCALE));
		return slot & ~(size_t)(SLOT_BYTES - 1);
	}
	if (likely(n <= MEDIUM_MAX - CHECKS_PAD))
		return size_class_medium[(n + CHECKS_PAD + MEDIUM_SPACING - 1) / MEDIUM_SPACING];
	return 0;
}

/* Serves a malloc for which credit was spent. */
hot_inline void *alloc_pop(uintptr_t tls, size_t slot)
{
	return checks_issue(tcache_pop(tls, slot), slot);
}

hot_inline void *alloc_malloc(size_t n)
{
	size_t slot = alloc_slot(n);
	uintptr_t tls = tcache_tls();
	if (unlikely(!tcache_spend(tls, slot)))
		return alloc_doors.malloc(n);
	return alloc_pop(tls, slot);
}

/* False when it is for the cold path to do. */
hot_inline bool alloc_free_hit(void *p)
{
	uintptr_t granule = address_map_granule(p);
	if (unlikely(granule >= WINDOW_GRANULES))
		return false;
	size_t slot = address_map[granule];
	uintptr_t tls = tcache_tls();
	void **top = tcache_top(tls, slot);
	if (unlikely(!tcache_has_room(tls, slot, top)))
		return false;
	checks_retire(p, slot);
	/* idle.h: a mov like any other */
	__atomic_store_n(top, tcache_delay(tls, top, p), __ATOMIC_RELEASE);
	tcache_move_top(tls, slot, sizeof(void *));
	return true;
}

hot_inline void alloc_free(void *p)
{
	if (unlikely(!alloc_free_hit(p)))
		alloc_doors.free(p);
}

/* The size that was asked for, `n`, is looked at in secure alone; `align` is ALIGN_MIN for a block
 * that was not asked for with an alignment. */
hot_inline void alloc_free_sized(void *p, size_t align, size_t n)
{
	bool differs = CHECKS_PAD && (align > ALIGN_MIN || alloc_slot(n) != address_map_slot(p));
	if (unlikely(differs || !alloc_free_hit(p)))
		alloc_free_sized_cold(p, align, n);
}

/* `n` bytes, zeroed; the caller has excluded overflow. */
hot_inline void *alloc_calloc(size_t n)
{
	size_t slot = alloc_slot(n);
	uintptr_t tls = tcache_tls();
	if (unlikely(!tcache_spend(tls, slot)))
		return alloc_doors.calloc(n);
	return memset(alloc_pop(tls, slot), 0, n);
}

/*
 * A block keeps its place while at least about half of it is used. Programs that do everything by
 * realloc (lua) find malloc and free here as well.
 */
hot_inline void *alloc_realloc(void *p, size_t n)
{
	size_t slot = address_map_slot(p);
	if (unlikely(!slot))
		return p ? alloc_realloc_cold(p, n) : alloc_malloc(n);
	size_t size = size_class_slot_in_place(slot);
	if (likely(n <= size && n * 2 + 2 * SMALL_SPACING > size && n))
		return p;
	return alloc_move(p, size, n);
}

#endif
