/* SPDX-License-Identifier: MIT */
/*
 * Takes different routes on different call paths: `keep` only takes 48-byte blocks, so each of its
 * cold visits ends in a refill from spans; `reuse` takes and frees 96-byte blocks, which the
 * magazine serves; `huge` takes and frees large blocks. Says "ready", works until a line comes on
 * stdin, says "done", and sleeps until stdin ends.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEPARATE __attribute__((noinline, noclone))

enum { KEPT = 400000, BATCH = 64 };

static void *kept[KEPT];
static volatile unsigned done;

static void use(void *block)
{
	if (!block)
		abort();
	*(volatile char *)block = 1;
}

SEPARATE static void keep(size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		use(kept[i] = malloc(48));
	done++;
}

SEPARATE static void reuse(void)
{
	void *blocks[BATCH];

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < BATCH; i++)
			use(blocks[i] = malloc(96));
		for (int i = 0; i < BATCH; i++)
			free(blocks[i]);
	}
	done++;
}

SEPARATE static void huge(void)
{
	void *block = malloc(200000);

	use(block);
	free(block);
	done++;
}

static int has_line(int timeout)
{
	struct pollfd in = {0, POLLIN, 0};
	char line[16];

	return poll(&in, 1, timeout) > 0 && read(0, line, sizeof(line)) >= 0;
}

int main(void)
{
	if (write(1, "ready\n", 6) != 6)
		return 1;
	/* Freed from a place of its own, so that the next blocks come from spans again in part, and
	 * from the depot. */
	for (size_t at = 0; !has_line(1); at += 2000) {
		if (at == KEPT) {
			for (size_t i = 0; i < KEPT; i++)
				free(kept[i]);
			at = 0;
		}
		keep(at, at + 2000);
		reuse();
		huge();
	}
	if (write(1, "done\n", 5) != 5)
		return 1;
	has_line(-1);
	return 0;
}
