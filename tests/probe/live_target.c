/* SPDX-License-Identifier: MIT */
/*
 * Keeps, leaks and frees known numbers of bytes on known call paths: `keep` holds 48 MiB, `leak`
 * loses 96 MiB, `churn` allocates 256 MiB of which each block is freed at once. A third of the
 * leaks come in a first round, after which it says "first" and waits; then "done". Before the first
 * line from stdin it allocates 64 MiB that nobody saw (`early`). The argument is the pause between
 * steps in microseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SEPARATE __attribute__((noinline, noclone))

enum { MIB = 1 << 20, ROUNDS = 3 * 1024 };

static void *volatile kept[1 << 20];
static unsigned count;
static volatile unsigned done;

static void hold(void *block)
{
	if (!block)
		abort();
	*(volatile char *)block = 1;
	kept[count++] = block;
}

SEPARATE static void early(void)
{
	for (int i = 0; i < 64 * MIB / 4096; i++)
		hold(malloc(4096));
	done++;
}

/* 16 KiB a call. */
SEPARATE static void keep(void)
{
	for (int i = 0; i < 16; i++)
		hold(malloc(1024));
	done++;
}

/* 32 KiB a call. */
SEPARATE static void leak(void)
{
	for (int i = 0; i < 4; i++)
		hold(calloc(1, 6000));
	hold(malloc(32768 - 4 * 6000));
	done++;
}

/* 85 KiB a call. */
SEPARATE static void churn(void)
{
	for (int i = 0; i < 85; i++) {
		void *block = malloc(1024);

		if (!block)
			abort();
		*(volatile char *)block = 1;
		free(block);
	}
	done++;
}

static void wait_for_line(void)
{
	char byte;

	while (read(0, &byte, 1) == 1 && byte != '\n')
		;
}

static void say(const char *line, size_t length)
{
	if (write(1, line, length) != (ssize_t)length)
		exit(1);
}

int main(int argc, char **argv)
{
	unsigned pause = argc > 1 ? (unsigned)atoi(argv[1]) : 500;

	early();
	say("early\n", 6);
	wait_for_line();
	for (int i = 0; i < ROUNDS; i++) {
		keep();
		leak();
		churn();
		usleep(pause);
		if (i == ROUNDS / 3) {
			say("first\n", 6);
			wait_for_line();
		}
	}
	/* What was kept before the attach goes, which must not disturb. */
	for (int i = 0; i < 64 * MIB / 4096; i++)
		free(kept[i]);
	say("done\n", 5);
	wait_for_line();
	return 0;
}
