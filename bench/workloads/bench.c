/* SPDX-License-Identifier: MIT */
/* Clock, memory, failure and notes: what every part of hakbench stands on. */
#include "bench/workloads/bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { MAX_NOTES = 16 };

static struct bench_note notes_made[MAX_NOTES];
static size_t notes_count;
static struct bench_count count_made;

uint64_t bench_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool bench_expired(const struct worker *worker)
{
	return worker->deadline_ns != UINT64_MAX && bench_now_ns() >= worker->deadline_ns;
}

void *bench_map(size_t bytes)
{
	void *memory =
	        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		bench_fail("mmap");
	return memory;
}

void bench_unmap(void *memory, size_t bytes)
{
	munmap(memory, bytes);
}

void bench_open_all(struct worker *worker, void (*make)(struct worker *workers))
{
	static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&opening);
	if (!worker->state)
		make(worker - worker->index); /* worker 0 is the first of the array */
	pthread_mutex_unlock(&opening);
}

void bench_fail(const char *what)
{
	fprintf(stderr, "hakbench: %s failed: %m\n", what);
	exit(1);
}

void bench_note(const char *name, uint64_t rss_bytes, uint64_t live_bytes)
{
	size_t i = 0;
	while (i < notes_count && strcmp(notes_made[i].name, name) != 0)
		i++;
	if (i == MAX_NOTES)
		return;
	if (i == notes_count)
		notes_count++;
	notes_made[i] = (struct bench_note){name, rss_bytes, live_bytes};
}

size_t bench_notes(const struct bench_note **notes)
{
	*notes = notes_made;
	return notes_count;
}

void bench_count(const char *name, const char *text, uint64_t value)
{
	count_made = (struct bench_count){name, text, value};
}

const struct bench_count *bench_counted(void)
{
	return count_made.name ? &count_made : NULL;
}
