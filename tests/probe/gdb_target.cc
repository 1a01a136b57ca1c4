// SPDX-License-Identifier: MIT
/*
 * 256 different stacks, told apart by which of two functions stands on each of eight levels, with
 * libc's qsort and an inlined function between them. Goes through them once for each line on stdin,
 * and says "done".
 */
#include <alloca.h>
#include <cstdlib>
#include <unistd.h>

#define SEPARATE __attribute__((noinline, noclone))
#define NO_TAIL_CALL() __asm__ volatile("" ::: "memory")

enum { LEVELS = 8, STACKS = 1 << LEVELS };

static int current;

extern "C" SEPARATE void leaf()
{
	void *block = malloc(5000);

	if (!block)
		abort();
	*static_cast<volatile char *>(block) = 1;
	free(block);
	NO_TAIL_CALL();
}

namespace paths
{

void down(int level);

SEPARATE void left(int level)
{
	char room[24];
	__asm__ volatile("" : : "r"(room) : "memory");
	down(level + 1);
	NO_TAIL_CALL();
}

template <typename T> SEPARATE T right(T level)
{
	char *room = static_cast<char *>(alloca(static_cast<size_t>(8 * level + 16)));
	__asm__ volatile("" : : "r"(room) : "memory");
	down(level + 1);
	__asm__ volatile("" ::: "rbx", "r12", "r13", "r14", "r15", "memory");
	return level;
}

static inline __attribute__((always_inline)) void turn(int level)
{
	if (current >> level & 1)
		right<int>(level);
	else
		left(level);
	NO_TAIL_CALL();
}

SEPARATE int compare(const void *, const void *)
{
	static int level = LEVELS / 2;
	turn(level);
	return 0;
}

SEPARATE void down(int level)
{
	int two[] = {1, 2};

	if (level == LEVELS)
		leaf();
	else if (level == LEVELS / 2)
		qsort(two, 2, sizeof(*two), compare);
	else
		turn(level);
	NO_TAIL_CALL();
}

} // namespace paths

int main()
{
	char line[16];

	while (read(0, line, sizeof(line)) > 0) {
		for (current = 0; current < STACKS; current++)
			paths::down(0);
		usleep(2000);
		if (write(1, "done\n", 5) != 5)
			return 1;
	}
}
