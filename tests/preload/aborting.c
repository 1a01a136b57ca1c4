/* SPDX-License-Identifier: MIT */
/*
 * aborting double-free|after-free: what a crash reporter does in its handler of SIGABRT: it
 * allocates, in all sizes. Exit status 7 when it comes to its end; 42 when nothing was reported.
 */
#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include "check.h"

enum { BLOCKS = 4000, SIZE = 100 };

static void handler(int signal)
{
	static void *blocks[3000];
	(void)signal;
	for (size_t i = 0; i < 3000; i++) {
		blocks[i] = malloc(1 + i * 7 % 9000);
		if (blocks[i])
			memset(blocks[i], 1, 1 + i * 7 % 9000);
	}
	for (size_t i = 0; i < 3000; i++)
		free(blocks[i]);
	for (size_t i = 0; i < 1000; i++)
		blocks[i] = calloc(1, SIZE);
	malloc_trim(0);
	_exit(7);
}

static char *blocks[BLOCKS];

static void allocate(void)
{
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = malloc(SIZE);
}

/* All but every eighth: their spans stay. */
static void release(void)
{
	for (int i = 0; i < BLOCKS; i++)
		if (i % 8)
			free(OPAQUE(blocks[i]));
}

static void double_free(void)
{
	allocate();
	release();
	malloc_trim(0);
	for (int i = 1; i < BLOCKS; i += 40)
		free(OPAQUE(blocks[i]));
	malloc_trim(0);
}

/* Every block is written to, and each is looked at before it is handed out again. */
static void after_free(void)
{
	allocate();
	release();
	malloc_trim(0);
	for (int i = 0; i < BLOCKS; i++)
		if (i % 8)
			memset(OPAQUE(blocks[i]), 0x5a, 16);
	allocate();
}

int main(int argc, char **argv)
{
	require_hakmem();
	signal(SIGABRT, handler);
	if (argc == 2 && !strcmp(argv[1], "double-free"))
		double_free();
	else if (argc == 2 && !strcmp(argv[1], "after-free"))
		after_free();
	else
		return 2;
	return 42;
}
