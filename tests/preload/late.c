/* SPDX-License-Identifier: MIT */
/*
 * Ends while its threads allocate. With a library of that name linked (plugin/late.c), that forks
 * then. Statically linked, without a fork: fork handlers can be registered all the same.
 */
#include <pthread.h>
#include <unistd.h>

#include "check.h"

enum { THREADS = 2, BLOCKS = 64, BUSY_US = 20000 };

extern void late(void) __attribute__((weak));

static void *busy(void *unused)
{
	for (size_t round = 0;; round++) {
		void *blocks[BLOCKS];
		for (size_t i = 0; i < BLOCKS; i++)
			blocks[i] = malloc(1 + (round * 7 + i * 997) % 60000);
		for (size_t i = 0; i < BLOCKS; i++)
			free(blocks[i]);
	}
	return unused;
}

static void handler(void)
{
}

int main(void)
{
	pthread_t thread;
	require_hakmem();
	CHECK(!pthread_atfork(handler, handler, handler));
	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread, NULL, busy, NULL);
	usleep(BUSY_US);
	if (late)
		late();
	return checks_result();
}
