/* SPDX-License-Identifier: MIT */
/*
 * Threads that wait lose their stock to those that work, and go on unharmed; threads that work lose
 * it to malloc_trim at any moment. `idle wait`, `idle trim`.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "check.h"

enum {
	WAITING = 7,
	WORKING = 3,
	BLOCKS = 4000, /* of ten sizes, for a thread */
	LIVE = 300,
	CELLS = 256,
	ROUNDS = 400000,
	PATIENCE_MS = 60000,
};

static pthread_barrier_t barrier;
static atomic_bool stop;
static _Atomic(unsigned char *) cells[CELLS]; /* blocks that go from thread to thread */

static uint64_t next(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 16;
}

static size_t resident(void)
{
	size_t pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	if (!file || fscanf(file, "%*u %zu", &pages) != 1)
		abort();
	fclose(file);
	return pages * 4096;
}

static unsigned char *make(size_t n, uint64_t tag)
{
	unsigned char *p = malloc(n + 8);
	memcpy(p, &(uint32_t){(uint32_t)n}, 4);
	memset(p + 4, (int)tag, n);
	return p;
}

static void check_and_free(unsigned char *p)
{
	uint32_t n;
	if (!p)
		return;
	memcpy(&n, p, 4);
	CHECK(n && p[4] == p[3 + n] && p[4] == p[4 + n / 2]);
	free(p);
}

static size_t size_of(int i)
{
	return (size_t)(i % 10 + 1) * 64;
}

static void fill_stock(void)
{
	void *blocks[BLOCKS];
	for (int i = 0; i < BLOCKS; i++) {
		blocks[i] = malloc(size_of(i));
		memset(blocks[i], 1, size_of(i));
	}
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
}

static void work(uint64_t seed, int rounds)
{
	unsigned char *live[LIVE] = {0};
	for (int i = 0; i < rounds && !stop; i++) {
		uint64_t draw = next(&seed);
		unsigned char **slot = &live[draw % LIVE];
		check_and_free(*slot);
		*slot = make(8 + (draw >> 20) % 500, draw >> 12);
		if (i % 4 == 0)
			check_and_free(atomic_exchange(&cells[(draw >> 30) % CELLS],
			                               make(16 + draw % 3 * 64, draw)));
	}
	for (int i = 0; i < LIVE; i++)
		check_and_free(live[i]);
}

static void *wait_with_stock(void *seed)
{
	fill_stock();
	pthread_barrier_wait(&barrier); /* all have stock */
	pthread_barrier_wait(&barrier); /* it has been taken */
	work((uintptr_t)seed, ROUNDS / 20);
	return NULL;
}

static int waiting_threads(void)
{
	pthread_t threads[WAITING];
	pthread_barrier_init(&barrier, NULL, WAITING + 1);
	size_t before = resident();
	for (uintptr_t i = 0; i < WAITING; i++)
		CHECK(!pthread_create(&threads[i], NULL, wait_with_stock, (void *)(i + 1)));
	pthread_barrier_wait(&barrier);
	size_t stocked = resident(), left = stocked;
	for (int ms = 0; ms < PATIENCE_MS && left - before > (stocked - before) / 3; ms++) {
		work((uint64_t)ms, 1000); /* cold visits: nothing else takes the stock */
		usleep(1000);
		left = resident();
	}
	printf("%d waiting threads: %zu KiB with stock, %zu KiB without; ", WAITING,
	       (stocked - before) >> 10, (left - before) >> 10);
	CHECK(left - before <= (stocked - before) / 3);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < WAITING; i++)
		pthread_join(threads[i], NULL);
	return checks_result();
}

static void *keep_working(void *seed)
{
	work((uintptr_t)seed, ROUNDS);
	return NULL;
}

static void *keep_trimming(void *unused)
{
	while (!stop)
		malloc_trim(0);
	return unused;
}

static int working_threads(void)
{
	pthread_t threads[WORKING], trimmer;
	for (uintptr_t i = 0; i < WORKING; i++)
		CHECK(!pthread_create(&threads[i], NULL, keep_working, (void *)(i + 1)));
	CHECK(!pthread_create(&trimmer, NULL, keep_trimming, NULL));
	for (int i = 0; i < WORKING; i++)
		pthread_join(threads[i], NULL);
	stop = true;
	pthread_join(trimmer, NULL);
	return checks_result();
}

int main(int argc, char **argv)
{
	require_hakmem();
	return argc > 1 && !strcmp(argv[1], "wait") ? waiting_threads() : working_threads();
}
