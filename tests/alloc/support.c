/* SPDX-License-Identifier: MIT */
#include "tests/alloc/support.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc/arena.h"
#include "alloc/init.h"
#include "alloc/os.h"
#include "alloc/probe.h"

struct support_probes support_probes;
static long maps_left = -1;
static size_t map_limit;

void support_init(void)
{
	init_process();
}

#if HAK_PROBES
void __wrap_fire_otel_memory_alloc(uint64_t a, uint64_t b, uint64_t c);
void __wrap_fire_otel_memory_alloc(uint64_t a, uint64_t b, uint64_t c)
{
	(void)a;
	support_probes.sampled++;
	support_probes.weight += (double)c;
	support_probes.variance += (double)c * ((double)c - (double)b);
}

void __wrap_fire_otel_memory_free(uint64_t a);
void __wrap_fire_otel_memory_free(uint64_t a)
{
	const struct span *span = arena_span_of((void *)a);
	support_probes.freed++;
	if (span && span->kind == SPAN_SAMPLED)
		support_probes.free_at_freed = span->free;
}

void __wrap_fire_hakmem_refill(uint64_t a, uint64_t b, uint64_t c);
void __wrap_fire_hakmem_refill(uint64_t a, uint64_t b, uint64_t c)
{
	(void)a;
	(void)c;
	support_probes.refills++;
	support_probes.refill_blocks += b;
}

void __wrap_fire_hakmem_flush(uint64_t a, uint64_t b);
void __wrap_fire_hakmem_flush(uint64_t a, uint64_t b)
{
	(void)a;
	support_probes.flushes++;
	support_probes.flush_blocks += b;
}

void __wrap_fire_hakmem_os_map(uint64_t a, uint64_t b);
void __wrap_fire_hakmem_os_map(uint64_t a, uint64_t b)
{
	(void)a;
	(void)b;
	support_probes.os_maps++;
}

void __wrap_fire_hakmem_span_new(uint64_t a, uint64_t b, uint64_t c);
void __wrap_fire_hakmem_span_new(uint64_t a, uint64_t b, uint64_t c)
{
	(void)a;
	(void)b;
	(void)c;
	support_probes.span_news++;
}

void __wrap_fire_hakmem_span_free(uint64_t a, uint64_t b, uint64_t c);
void __wrap_fire_hakmem_span_free(uint64_t a, uint64_t b, uint64_t c)
{
	(void)a;
	(void)b;
	(void)c;
	support_probes.span_frees++;
}

void support_sample(bool on)
{
	HAK_SEMAPHORE(otel_memory, alloc) = on;
	HAK_SEMAPHORE(otel_memory, free) = on;
}

void support_watch(bool on)
{
	HAK_SEMAPHORE(hakmem, refill) = on;
	HAK_SEMAPHORE(hakmem, flush) = on;
	HAK_SEMAPHORE(hakmem, os_map) = on;
	HAK_SEMAPHORE(hakmem, span_new) = on;
	HAK_SEMAPHORE(hakmem, span_free) = on;
}
#endif

int __real_os_map(size_t bytes, size_t align, void **base);
int __wrap_os_map(size_t bytes, size_t align, void **base);
int __real_os_map_at(void *base, size_t bytes);
int __wrap_os_map_at(void *base, size_t bytes);

void support_fail_maps(long after)
{
	maps_left = after;
}

uint64_t __real_os_clock_coarse_ns(void);
uint64_t __wrap_os_clock_coarse_ns(void);
static uint64_t clock_step, clock_now;

void support_clock_step(uint64_t ns)
{
	clock_step = ns;
	clock_now = clock_now ? clock_now : __real_os_clock_coarse_ns();
}

uint64_t __wrap_os_clock_coarse_ns(void)
{
	return clock_step ? clock_now += clock_step : __real_os_clock_coarse_ns();
}

/* Whether a call of which so many may succeed fails; counts it. */
static bool fails(long *left)
{
	if (*left < 0)
		return false;
	if (*left == 0)
		return true;
	--*left;
	return false;
}

void support_map_limit(size_t bytes)
{
	map_limit = bytes;
}

static bool map_fails(size_t bytes)
{
	return (map_limit && bytes > map_limit) || fails(&maps_left);
}

int __real_os_barrier(void);
int __wrap_os_barrier(void);
int __real_os_copy(void *to, const void *from, size_t bytes);
int __wrap_os_copy(void *to, const void *from, size_t bytes);
static long barriers_left = -1, copies_left = -1;

void support_fail_barriers(long after)
{
	barriers_left = after;
}

void support_fail_copies(long after)
{
	copies_left = after;
}

int __wrap_os_barrier(void)
{
	return fails(&barriers_left) ? -EPERM : __real_os_barrier();
}

int __wrap_os_copy(void *to, const void *from, size_t bytes)
{
	return fails(&copies_left) ? -EPERM : __real_os_copy(to, from, bytes);
}

int __wrap_os_map(size_t bytes, size_t align, void **base)
{
	return map_fails(bytes) ? -ENOMEM : __real_os_map(bytes, align, base);
}

int __wrap_os_map_at(void *base, size_t bytes)
{
	return map_fails(bytes) ? -ENOMEM : __real_os_map_at(base, bytes);
}

int __real_os_purge(void *base, size_t bytes);
int __wrap_os_purge(void *base, size_t bytes);
static long purges_left = -1;

void support_fail_purges(long after)
{
	purges_left = after;
}

int __wrap_os_purge(void *base, size_t bytes)
{
	return fails(&purges_left) ? -ENOMEM : __real_os_purge(base, bytes);
}

int support_in_child(void (*f)(void *), void *argument, char *text, size_t size)
{
	int ends[2];
	text[0] = 0;
	if (pipe(ends))
		return -1;
	pid_t child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		f(argument);
		_exit(0);
	}
	close(ends[1]);
	size_t n = 0;
	ssize_t got;
	while (n < size - 1 && (got = read(ends[0], text + n, size - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = 0;
	close(ends[0]);
	int status = -1;
	waitpid(child, &status, 0);
	return status;
}

uint64_t support_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

struct hak_arenas support_arenas(void)
{
	struct hak_arenas sum;
	arena_gauges(&sum);
	return sum;
}
