/* SPDX-License-Identifier: MIT */
/*
 * Floor 0: USDT probes of the cold path. The contract for observers is docs/probes.md; a test
 * compares it with the notes in the library.
 *
 * A probe is a pair: an inline probe_NAME() that looks at the probe's semaphore, and an
 * out-of-line fire_NAME() in probe.c that holds the one site. The site is a 1-byte nop, at which
 * tools attach, and behind it the 10-byte nop that libbpf's usdt.h uses (its commit 9018f82).
 * Never nop,nop5: kernel 6.18 rewrites a probed 5-byte nop into a call, which overwrites the red
 * zone. Because fire_NAME() is a real function, the arguments stand in rdi, rsi, rdx at the site:
 * a plain register operand that every tool parses, and what the otel_memory contract asks for.
 *
 * PROBES=0 compiles all of it away; no other file has to know.
 */
#ifndef HAK_PROBE_H
#define HAK_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/* X(provider, name, number of arguments): every probe there is; first those of each cold visit. */
#define HAK_VISIT_PROBES(X)      \
	X(hakmem, cold_begin, 2) \
	X(hakmem, cold_end, 2)   \
	X(otel_memory, alloc, 3)

#define HAK_OTHER_PROBES(X)        \
	X(hakmem, tally, 2)        \
	X(hakmem, refill, 3)       \
	X(hakmem, flush, 2)        \
	X(hakmem, span_new, 3)     \
	X(hakmem, span_free, 3)    \
	X(hakmem, os_map, 2)       \
	X(hakmem, os_unmap, 2)     \
	X(hakmem, os_purge, 2)     \
	X(hakmem, large_alloc, 2)  \
	X(hakmem, large_free, 2)   \
	X(hakmem, thread_start, 1) \
	X(hakmem, thread_exit, 1)  \
	X(hakmem, misuse, 3)       \
	X(otel_memory, free, 1)

#define HAK_PROBE_CATALOGUE(X) \
	HAK_VISIT_PROBES(X)    \
	HAK_OTHER_PROBES(X)

#define HAK_PARAMS_1 uint64_t a
#define HAK_PARAMS_2 uint64_t a, uint64_t b
#define HAK_PARAMS_3 uint64_t a, uint64_t b, uint64_t c
#define HAK_ARGS_1   a
#define HAK_ARGS_2   a, b
#define HAK_ARGS_3   a, b, c
#define HAK_UNUSED_1 (void)a
#define HAK_UNUSED_2 HAK_UNUSED_1, (void)b
#define HAK_UNUSED_3 HAK_UNUSED_2, (void)c

#ifndef HAK_PROBES
#define HAK_PROBES 1
#endif

#if HAK_PROBES

/* Raised by the kernel while a tool is attached to the probe. */
#define HAK_SEMAPHORE(provider, name) provider##_##name##_semaphore

/* Those that a cold visit of a size class asks for, in one
 * word: cold_begin, cold_end, otel alloc. */
extern volatile uint64_t probe_visit_semaphores __attribute__((visibility("hidden")));

/* Tells whether somebody watches cold visits one by one: a single test for all of them. */
static inline bool probing_visits(void)
{
	return __builtin_expect(probe_visit_semaphores != 0, 0);
}

#define HAK_PROBE_INLINE(provider, name, n)                                     \
	extern volatile unsigned short HAK_SEMAPHORE(provider, name)            \
	        __attribute__((visibility("hidden")));                          \
	void fire_##provider##_##name(HAK_PARAMS_##n);                          \
	static inline bool probing_##provider##_##name(void)                    \
	{                                                                       \
		return __builtin_expect(HAK_SEMAPHORE(provider, name) != 0, 0); \
	}                                                                       \
	static inline void probe_##provider##_##name(HAK_PARAMS_##n)            \
	{                                                                       \
		if (probing_##provider##_##name())                              \
			fire_##provider##_##name(HAK_ARGS_##n);                 \
	}

#else

static inline bool probing_visits(void)
{
	return false;
}

#define HAK_PROBE_INLINE(provider, name, n)                          \
	static inline bool probing_##provider##_##name(void)         \
	{                                                            \
		return false;                                        \
	}                                                            \
	static inline void probe_##provider##_##name(HAK_PARAMS_##n) \
	{                                                            \
		HAK_UNUSED_##n;                                      \
	}

#endif

HAK_PROBE_CATALOGUE(HAK_PROBE_INLINE)

#endif
