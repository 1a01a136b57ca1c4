/* SPDX-License-Identifier: MIT */
/* None of the malloc family is a cancellation point: a thread
 * that is to be cancelled gets through. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "check.h"

enum { BLOCKS = 2000, ROUNDS = 20 };

static pthread_barrier_t asked;
static atomic_int through, gone;

static void note_end(void *unused)
{
	(void)unused;
	gone++;
}

/* Enough of each for cold visits, new arenas, huge blocks, and memory that goes back. */
static void use_all(void)
{
	static __thread void *block[BLOCKS];
	for (size_t i = 0; i < BLOCKS; i++)
		block[i] = i % 3 ? malloc(i * 20) : calloc(i + 1, 30);
	for (size_t i = 0; i < BLOCKS; i++)
		block[i] = realloc(block[i], i * 25 + 1);
	for (size_t i = 0; i < BLOCKS; i++)
		free(block[i]);
	free(realloc(malloc(3 << 20), 9 << 20));
	free(memalign(1 << 17, 100));
	free(aligned_alloc(64, 100));
	mallinfo2();
	malloc_stats();
	malloc_trim(0);
	CHECK(malloc_info(0, stderr) == 0);
	errno = 0;
	CHECK(!malloc(OPAQUE((size_t)-100)) && errno == ENOMEM);
	CHECK(malloc_usable_size(NULL) == 0);
}

static void *wait_and_use(void *unused)
{
	pthread_cleanup_push(note_end, NULL);
	pthread_barrier_wait(&asked); /* no cancellation point either */
	use_all();
	through++;
	for (;;)
		pause(); /* here it goes */
	pthread_cleanup_pop(0);
	return unused;
}

int main(void)
{
	require_hakmem();
	setvbuf(stderr, NULL, _IONBF, 0); /* so that each line is written at once */
	pthread_barrier_init(&asked, NULL, 2);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_t thread;
		void *result = NULL;
		CHECK(!pthread_create(&thread, NULL, wait_and_use, NULL));
		CHECK(!pthread_cancel(thread));
		pthread_barrier_wait(&asked);
		CHECK(!pthread_join(thread, &result) && result == PTHREAD_CANCELED);
	}
	CHECK(through == ROUNDS && gone == ROUNDS);
	return checks_result();
}
