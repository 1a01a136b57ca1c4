/* SPDX-License-Identifier: MIT */
/*
 * What the programs of this directory share. Each does one wrong thing, in misuse(); its first
 * comment says which, and what must come of it: a message of the allocator's, or SIGSEGV, or
 * "prevented" (the wrong thing had no effect), or "not noticed".
 */
#ifndef TEST_MISUSE_H
#define TEST_MISUSE_H

#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOT_NOTICED = 42, PREVENTED = 43 }; /* exit statuses */

enum {
	BLOCK = 100,
	LARGE = 200 << 10,
	HUGE = 30 << 20
}; /* of a size class; in an arena; mapped by itself */

/* What the compiler cannot see through. */
static inline char *opaque(void *p)
{
	__asm__ volatile("" : "+r"(p) : : "memory");
	return (char *)p;
}

/* Many blocks of that size come and go: what lies in stock of them is handed out, and goes back. */
static inline void use(size_t size)
{
	enum { MANY = 4000 };
	static char *volatile blocks[MANY];
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < MANY; i++)
			blocks[i] = (char *)malloc(size);
		for (int i = 0; i < MANY; i++)
			free(blocks[i]);
	}
}

/* A few neighbours of the block that is misused, so that it is not the first or last one of its
 * kind; and their end. */
static void *volatile neighbours[64];

static inline void surround(size_t size)
{
	for (int i = 0; i < 64; i++)
		neighbours[i] = malloc(size);
}

static inline void free_neighbours(void)
{
	for (int i = 0; i < 64; i++)
		free(neighbours[i]);
}

/* A write that changes the bytes, whatever they were. */
static inline void change(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] ^= 0x55;
}

static inline void in_thread(void *(*run)(void *), void *argument)
{
	pthread_t thread;
	pthread_create(&thread, NULL, run, argument);
	pthread_join(thread, NULL);
}

static inline void *free_it(void *p)
{
	free(p);
	return NULL;
}

static void misuse(void);

int main(void)
{
	misuse();
	_exit(NOT_NOTICED);
}

#endif
