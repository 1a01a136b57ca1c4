/* SPDX-License-Identifier: MIT */
/*
 * The allocator under torture: whatever the C library's names are bound to, or with TORTURE_DIRECT
 * libhakmem's own functions, linked in. ThreadSanitizer has a malloc of its own that nothing can be
 * preloaded over, so that is how it sees ours.
 */
#ifndef TORTURE_API_H
#define TORTURE_API_H

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#ifdef TORTURE_DIRECT

#include "alloc/alloc.h"
#include "alloc/decay.h"
#include "alloc/stats.h"

static inline void *api_malloc(size_t n)
{
	return alloc_malloc(n);
}

static inline void *api_calloc(size_t count, size_t size)
{
	return alloc_calloc(count * size);
}

static inline void *api_realloc(void *p, size_t n)
{
	return alloc_realloc(p, n);
}

static inline void *api_aligned(size_t align, size_t n)
{
	return alloc_aligned(align, n);
}

static inline void api_free(void *p)
{
	alloc_free(p);
}

static inline size_t api_usable(void *p)
{
	return alloc_usable_size(p);
}

static inline void api_trim(void)
{
	if (tcache_self)
		tcache_flush_all(tcache_self);
	decay_now();
}

static inline void api_read(void)
{
	struct stats stats;
	stats_read(&stats);
}

#else

static inline void *api_malloc(size_t n)
{
	return malloc(n);
}

static inline void *api_calloc(size_t count, size_t size)
{
	return calloc(count, size);
}

static inline void *api_realloc(void *p, size_t n)
{
	return realloc(p, n);
}

/* By any of the names; all of them take a power of two that is a pointer's size at least. */
static inline void *api_aligned(size_t align, size_t n)
{
	void *p = NULL;
	switch (n % 3) {
	case 0:
		return aligned_alloc(align, n);
	case 1:
		return memalign(align, n);
	default:
		errno = posix_memalign(&p, align, n);
		return errno ? NULL : p;
	}
}

static inline void api_free(void *p)
{
	free(p);
}

static inline size_t api_usable(void *p)
{
	return malloc_usable_size(p);
}

static inline void api_trim(void)
{
	malloc_trim(0);
}

/* stderr and `nowhere` are on /dev/null (main.c). */
extern FILE *nowhere;
static inline void api_read(void)
{
	(void)mallinfo2();
	malloc_info(0, nowhere);
	malloc_stats();
}

#endif
#endif
