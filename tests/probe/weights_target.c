/* SPDX-License-Identifier: MIT */
/*
 * weights_target GIGABYTES SECONDS: 32 threads allocate so many 10^9 bytes in so many seconds,
 * at an even pace, through callers of different sizes, and free at once. Waits for a line on stdin,
 * then prints what each caller has asked for, as "NAME BYTES", then "done", and waits for another
 * line.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SEPARATE __attribute__((noinline, noclone))

enum { THREADS = 32, CALLERS = 5, CHUNK = 1 << 20 };

static uint64_t requested[THREADS][CALLERS];
static double gigabytes, seconds;
static volatile unsigned done;

/* `bytes` in blocks of `size`, or of 16 to 1039 bytes with size 0; returns what it was exactly. */
#define CALLER(name, size)                                            \
	SEPARATE static uint64_t name(uint64_t bytes, uint32_t *seed) \
	{                                                             \
		uint64_t sum = 0;                                     \
                                                                      \
		while (sum < bytes) {                                 \
			size_t n = (size);                            \
			void *block;                                  \
                                                                      \
			if (!n) {                                     \
				*seed = *seed * 1664525 + 1013904223; \
				n = 16 + (*seed >> 22);               \
			}                                             \
			block = malloc(n);                            \
			if (!block)                                   \
				abort();                              \
			*(volatile char *)block = 1;                  \
			free(block);                                  \
			sum += n;                                     \
		}                                                     \
		done++;                                               \
		return sum;                                           \
	}

CALLER(tiny, 24)
CALLER(mixed, 0)
CALLER(page, 4096)
CALLER(medium, 20000)
CALLER(large, 100000)

static uint64_t (*const callers[CALLERS])(uint64_t, uint32_t *) = {tiny, mixed, page, medium,
                                                                   large};
static const char *const names[CALLERS] = {"tiny", "mixed", "page", "medium", "large"};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void *run(void *argument)
{
	uint64_t *mine = argument, sum = 0;
	const double all = gigabytes * 1e9 / THREADS, begin = now();
	uint32_t seed = (uint32_t)(mine - requested[0]) + 1;

	while ((double)sum < all) {
		double ahead;

		for (int i = 0; i < CALLERS; i++) {
			uint64_t got = callers[i](CHUNK, &seed);

			mine[i] += got;
			sum += got;
		}
		ahead = begin + seconds * (double)sum / all - now();
		if (ahead > 0.001)
			usleep((useconds_t)(ahead * 1e6));
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

	if (argc != 3)
		return 2;
	gigabytes = atof(argv[1]);
	seconds = atof(argv[2]);
	wait_for_line();
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, run, requested[i]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < CALLERS; i++) {
		uint64_t sum = 0;

		for (int j = 0; j < THREADS; j++)
			sum += requested[j][i];
		printf("%s %llu\n", names[i], (unsigned long long)sum);
	}
	printf("done\n");
	fflush(stdout);
	wait_for_line();
	return 0;
}
