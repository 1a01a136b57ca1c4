/* SPDX-License-Identifier: MIT */
/* Many short threads, and blocks that one thread allocates and another frees; contents checked. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#include "check.h"

enum { GENERATIONS = 300, AT_ONCE = 8, CELLS = 512, EXCHANGES = 60000, EXCHANGERS = 4 };

/* Blocks on their way from thread to thread. */
static _Atomic(uint64_t *) cells[CELLS];

static uint64_t *make(uint64_t draw)
{
	size_t words = 2 + (draw >> 40) % 200;
	if (draw >> 54 == 0)
		words *= 500;
	uint64_t *block = malloc(words * sizeof(*block));
	block[0] = words;
	for (size_t i = 1; i < words; i++)
		block[i] = draw ^ i;
	return block;
}

static void check_and_free(uint64_t *block)
{
	if (!block)
		return;
	uint64_t words = block[0], draw = block[1] ^ 1;
	unsigned wrong = words < 2;
	for (size_t i = 1; i < words; i++)
		wrong += block[i] != (draw ^ i);
	CHECK(!wrong);
	memset(block, 0xa5, words * sizeof(*block));
	free(block);
}

static uint64_t next(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state;
}

static void exchange(uint64_t seed, int times)
{
	uint64_t state = seed;
	for (int i = 0; i < times; i++) {
		uint64_t draw = next(&state);
		check_and_free(atomic_exchange(&cells[(draw >> 20) % CELLS], make(draw)));
	}
}

static void *short_life(void *seed)
{
	exchange((uintptr_t)seed, 100);
	return make((uintptr_t)seed); /* a block outlives its thread and is freed by another */
}

static void *long_life(void *seed)
{
	exchange((uintptr_t)seed, EXCHANGES);
	return NULL;
}

static void short_threads(void)
{
	pthread_t threads[AT_ONCE];
	for (uintptr_t generation = 0; generation < GENERATIONS; generation++) {
		for (uintptr_t i = 0; i < AT_ONCE; i++)
			CHECK(!pthread_create(&threads[i], NULL, short_life,
			                      (void *)(generation * AT_ONCE + i + 1)));
		for (int i = 0; i < AT_ONCE; i++) {
			void *block = NULL;
			CHECK(!pthread_join(threads[i], &block));
			check_and_free(block);
		}
	}
}

static void exchangers(void)
{
	pthread_t threads[EXCHANGERS];
	for (uintptr_t i = 0; i < EXCHANGERS; i++)
		CHECK(!pthread_create(&threads[i], NULL, long_life, (void *)(i + 77)));
	for (int i = 0; i < EXCHANGERS; i++)
		pthread_join(threads[i], NULL);
}

/* A destructor of thread-specific data runs when the thread's cache may already be gone. */
static pthread_key_t keys[4];
static void late(void *block)
{
	check_and_free(block);
	check_and_free(make(99));
}

static void *with_keys(void *unused)
{
	for (int i = 0; i < 4; i++)
		pthread_setspecific(keys[i], make((uint64_t)i + 5));
	return unused;
}

static void destructors(void)
{
	pthread_t thread;
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_key_create(&keys[i], late));
	for (int i = 0; i < 200; i++) {
		CHECK(!pthread_create(&thread, NULL, with_keys, NULL));
		pthread_join(thread, NULL);
	}
}

int main(void)
{
	require_hakmem();
	short_threads();
	exchangers();
	destructors();
	for (int i = 0; i < CELLS; i++)
		check_and_free(cells[i]);
	return checks_result();
}
