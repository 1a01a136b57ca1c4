/* SPDX-License-Identifier: MIT */
/*
 * Under a limit of the address space (the script sets it): allocates until there is no more, gets
 * NULL and ENOMEM, frees, and can allocate again. With `limit SIZE`: blocks of that size.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/resource.h>

#include "check.h"

struct link {
	struct link *next;
};

static size_t fill(size_t size, struct link **blocks)
{
	size_t count = 0;
	for (;;) {
		errno = 0;
		struct link *block = malloc(size);
		if (!block)
			break;
		block->next = *blocks;
		*blocks = block;
		count++;
	}
	CHECK(errno == ENOMEM);
	return count;
}

static void empty(struct link **blocks)
{
	while (*blocks) {
		struct link *block = *blocks;
		*blocks = block->next;
		free(block);
	}
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	struct link *blocks = NULL;
	size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	require_hakmem();
	getrlimit(RLIMIT_AS, &limit);
	if (limit.rlim_cur == RLIM_INFINITY) {
		fprintf(stderr, "limit: no limit is set (ulimit -v)\n");
		return 2;
	}
	size_t first = fill(size, &blocks);
	/* At least a third of what may be mapped is for blocks. */
	CHECK(first * size >= limit.rlim_cur / 3);
	/* What is there can still be freed and used again while nothing can be mapped. */
	for (int i = 0; i < 1000; i++) {
		struct link *block = blocks;
		blocks = block->next;
		free(block);
		block = malloc(size);
		CHECK(block);
		if (!block)
			break;
		block->next = blocks;
		blocks = block;
	}
	errno = 0;
	CHECK(!malloc((size_t)limit.rlim_cur) && errno == ENOMEM);
	empty(&blocks);
	size_t second = fill(size, &blocks);
	CHECK(second >= first * 9 / 10);
	empty(&blocks);
	printf("%zu blocks of %zu bytes under a limit of %llu MiB\n", first, size,
	       (unsigned long long)limit.rlim_cur >> 20);
	return checks_result();
}
