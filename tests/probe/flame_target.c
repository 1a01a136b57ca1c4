/* SPDX-License-Identifier: MIT */
/*
 * Allocates known numbers of bytes on known call paths, built without frame pointers: 60 % through
 * gather > heavy, 30 % through gather > medium, and 10 % through light alone, in several size
 * classes. Sleeps until a line comes on stdin, says "done", and sleeps until stdin ends.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SEPARATE __attribute__((noinline, noclone))

enum { ROUNDS = 24000 };

/* A store after the call keeps it from becoming a jump, which would hide the caller. */
static volatile unsigned done;

static void use(void *block)
{
	if (!block)
		abort();
	*(volatile char *)block = 1;
	free(block);
}

SEPARATE static void heavy(size_t size)
{
	for (int i = 0; i < 6; i++)
		use(malloc(size));
	done++;
}

SEPARATE static void medium(size_t size)
{
	for (int i = 0; i < 3; i++)
		use(calloc(size, 1));
	done++;
}

SEPARATE static void gather(size_t size)
{
	char frame[3000]; /* more stack than a slice's first page */

	frame[size % sizeof(frame)] = 1;
	__asm__ volatile("" : : "r"(frame) : "memory");
	heavy(size);
	medium(size);
	done++;
}

SEPARATE static void light(size_t size)
{
	use(malloc(size));
	done++;
}

static void wait_for_line(void)
{
	char byte;

	while (read(0, &byte, 1) == 1 && byte != '\n')
		;
}

int main(void)
{
	static const size_t sizes[] = {200, 1000, 5000, 20000};

	wait_for_line();
	for (int i = 0; i < ROUNDS; i++) {
		size_t size = sizes[i % 4];

		gather(size);
		light(size);
		/* Slow enough for the sampler's rate limit: all
		 * samples then weigh about the same. */
		usleep(100);
	}
	if (write(1, "done\n", 5) != 5)
		return 1;
	wait_for_line();
	return 0;
}
