/* SPDX-License-Identifier: MIT */
/*
 * Performs a known number of mallocs and frees: LAPS times 10,000,000 of each, over 4 threads and
 * 20 size classes. Sleeps until a line comes on stdin, works, says "done", and sleeps until stdin
 * ends. Blocks are partly freed by another thread than the one that allocated them.
 *
 * Class i of the 20 (sizes 400 + 32 i) gets per lap, all threads together,
 *     4 * (125000 + (2 i - 19) * 500)
 * mallocs and as many frees; no other allocation of this program has these sizes.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 4, CLASSES = 20, WINDOW = 100 };

static void *blocks[THREADS][CLASSES][WINDOW];
static pthread_barrier_t meeting;
static unsigned long laps;

static size_t size_of(int class)
{
	return 400 + 32 * (size_t) class;
}

static long count_of(int thread, int class)
{
	return 125000 + (2 * class - 19) * 500 + (2 * thread - 3) * 100;
}

static void release(void **block)
{
	free(*block);
	*block = NULL;
}

/* A window of live blocks, of which a pseudo-random one gives way. */
static void churn(int thread, int class)
{
	uint32_t random = 12345u + 77u * (uint32_t)thread + (uint32_t) class;

	for (long i = 0; i < count_of(thread, class); i++) {
		void **block = &blocks[thread][class][(random >> 16) % WINDOW];

		random = random * 1103515245u + 12345u;
		if (*block)
			release(block);
		*block = malloc(size_of(class));
		if (!*block)
			abort();
		memset(*block, thread, 8);
	}
}

static void *work(void *argument)
{
	int thread = (int)(intptr_t)argument;
	int neighbour = (thread + 1) % THREADS;

	for (unsigned long lap = 0; lap < laps; lap++) {
		for (int class = 0; class < CLASSES; class ++)
			churn(thread, class);
		pthread_barrier_wait(&meeting);
		for (int class = 0; class < CLASSES; class ++) {
			for (int i = 0; i < WINDOW; i++) {
				if (blocks[neighbour][class][i])
					release(&blocks[neighbour][class][i]);
			}
		}
		pthread_barrier_wait(&meeting);
	}
	return NULL;
}

static void wait_for_line(void)
{
	char byte;

	while (read(0, &byte, 1) == 1 && byte != '\n')
		;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	laps = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	pthread_barrier_init(&meeting, NULL, THREADS);
	wait_for_line();
	for (int i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], NULL, work, (void *)(intptr_t)i))
			abort();
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	if (write(1, "done\n", 5) != 5)
		abort();
	wait_for_line();
	return 0;
}
