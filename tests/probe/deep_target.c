/* SPDX-License-Identifier: MIT */
/*
 * Allocates at the bottom of deep stacks, with frame pointers kept in this program: in the main
 * thread under 40 KiB of frames, in a second thread under none. For each line on stdin it does so
 * and says "done"; `learn` is the innermost function the first time, `known` from then on. The
 * distance between samples is the caller's (HAKMEM_SAMPLE_BYTES).
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SEPARATE __attribute__((noinline, noclone, optimize("no-omit-frame-pointer")))

enum { ROUNDS = 3000, DEPTH = 20 };

static volatile unsigned done;

SEPARATE static void learn(void)
{
	void *block = malloc(5000);

	if (!block)
		abort();
	*(volatile char *)block = 1;
	free(block);
	done++;
}

SEPARATE static void known(void)
{
	void *block = malloc(6000);

	if (!block)
		abort();
	*(volatile char *)block = 2;
	free(block);
	done += 2;
}

static void (*volatile leaf)(void) = learn;

SEPARATE static void down(int left)
{
	char frame[2000];

	__asm__ volatile("" : : "r"(frame) : "memory");
	if (left)
		down(left - 1);
	else
		leaf();
	done++;
}

SEPARATE static void *shallow(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		leaf();
		usleep(100);
	}
	return unused;
}

SEPARATE int main(void)
{
	char line[16];
	pthread_t thread;

	while (read(0, line, sizeof(line)) > 0) {
		if (pthread_create(&thread, NULL, shallow, NULL))
			return 1;
		for (int i = 0; i < ROUNDS; i++) {
			down(DEPTH);
			usleep(100);
		}
		pthread_join(thread, NULL);
		leaf = known;
		if (write(1, "done\n", 5) != 5)
			return 1;
	}
	return 0;
}
