/* SPDX-License-Identifier: MIT */
/*
 * Floor 0: what every other file of alloc/ may use. No state, no system call.
 *
 * Glossary
 *   block         what malloc returns; of a size class, or large
 *   size class    the block sizes that small requests are rounded up to; class 0 = none
 *   magazine      an array of pointers to free blocks of one class, used as a stack
 *   thread cache  a thread's loaded and previous magazine per class, and its credit
 *   credit        mallocs of a class that a thread may serve before its next cold visit
 *   depot         full and empty magazines of a class, shared by the threads
 *   span          a run of granules cut into blocks of one class, or one large block
 *   granule       64 KiB: the unit of arenas and of the address map
 *   arena         4 MiB of address space: a header granule and 63 granules for spans
 *   window        the address range in which all arenas lie
 *   huge block    too large for an arena; mapped by itself, anywhere
 *   cold visit    a malloc or free that the magazine could not serve
 */
#ifndef HAK_BASE_H
#define HAK_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../bpf/record.h"
#include "conf.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define hot_inline static inline __attribute__((always_inline))
#define cold_path  __attribute__((noinline, cold))

/*
 * In a unit that is compiled without frame pointers: this function has one, so that whoever looks
 * for its caller (guard.c) finds the way through it.
 */
#define keep_frame() __asm__ volatile("" : : "r"(__builtin_frame_address(0)))

#if HAK_DEBUG
#define hak_assert(x) ((x) ? (void)0 : __builtin_trap())
#else
#define hak_assert(x) ((void)(0 && (x)))
#endif

/*
 * Of functions that read what others may be writing, and make use only of what they know to stay as
 * it is. ThreadSanitizer leaves them out; suppressions by name would not do, for it does not always
 * know whose read it was.
 */
#define reads_racily __attribute__((no_sanitize("thread")))

/*
 * Gauges and the like: changed under a lock (or by one thread), read without, by those to whom a
 * moment makes no difference.
 */
#define gauge_set(gauge, value)  __atomic_store_n(&(gauge), value, __ATOMIC_RELAXED)
#define gauge_get(gauge)         __atomic_load_n(&(gauge), __ATOMIC_RELAXED)
#define gauge_add(gauge, change) gauge_set(gauge, (gauge) + (change))

/*
 * An address that tells the calling thread from all others of the process, and is the same in a
 * child that it forks: the x86-64 ABI keeps the thread pointer at itself.
 */
static inline uintptr_t this_thread(void)
{
	uintptr_t pointer;
	__asm__("movq %%fs:0, %0" : "=r"(pointer));
	return pointer;
}

/*
 * What is to be done once in `period_ns`, by whoever comes by: true for one of them. `due` is when
 * the next time is.
 */
static inline bool is_due(uint64_t *due, uint64_t now_ns, uint64_t period_ns)
{
	uint64_t at = gauge_get(*due);
	return now_ns >= at && __atomic_compare_exchange_n(due, &at, now_ns + period_ns, false,
	                                                   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static inline bool is_power_of_two(size_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

/* `align` is a power of two; the caller has excluded overflow. */
static inline size_t round_up(size_t n, size_t align)
{
	return (n + align - 1) & ~(align - 1);
}

static inline size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

#endif
