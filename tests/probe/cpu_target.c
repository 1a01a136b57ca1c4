/* SPDX-License-Identifier: MIT */
/*
 * Spends CPU time in malloc and free on known call paths, three times as often through `often` as
 * through `seldom`, and some outside of the allocator (`compute`). Built without frame pointers.
 * Goes on until stdin ends.
 */
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define SEPARATE __attribute__((noinline, noclone))

enum { CALLS = 2000 };

static volatile unsigned done;

static inline void use(size_t size)
{
	char *block = malloc(size);

	if (!block)
		abort();
	*(volatile char *)block = 1;
	free(block);
}

SEPARATE static void often(void)
{
	for (int i = 0; i < 3 * CALLS; i++)
		use(100);
	done++;
}

SEPARATE static void seldom(void)
{
	for (int i = 0; i < CALLS; i++)
		use(100);
	done++;
}

SEPARATE static void compute(void)
{
	for (int i = 0; i < 20 * CALLS; i++)
		done++;
}

int main(void)
{
	struct pollfd in = {.fd = 0, .events = POLLIN};

	while (poll(&in, 1, 0) == 0) {
		for (int i = 0; i < 50; i++) {
			often();
			seldom();
			compute();
		}
	}
	return 0;
}
