/* SPDX-License-Identifier: MIT */
/* realloc: contents, semantics of 0 and NULL as glibc's, growth across all kinds of block. */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>

#include "check.h"

static unsigned char pattern(size_t i, unsigned seed)
{
	return (unsigned char)((i * 2654435761u >> 11) + seed);
}

static void fill(unsigned char *block, size_t from, size_t to, unsigned seed)
{
	for (size_t i = from; i < to; i++)
		block[i] = pattern(i, seed);
}

static int holds(const unsigned char *block, size_t count, unsigned seed)
{
	for (size_t i = 0; i < count; i++)
		if (block[i] != pattern(i, seed))
			return 0;
	return 1;
}

static void zero_and_null(void)
{
	void *p = realloc(NULL, 0);
	CHECK(p);
	errno = 0;
	/* glibc: frees and returns NULL, without an error. */
	CHECK(!realloc(p, 0));
	CHECK(errno == 0);
	p = realloc(NULL, 100);
	CHECK(p && malloc_usable_size(p) >= 100);
	p = reallocarray(p, 10, 30);
	CHECK(p && malloc_usable_size(p) >= 300);
	CHECK(!reallocarray(p, 0, 30));
	p = malloc(3 << 20);
	CHECK(!realloc(p, 0));
}

/* small, large, huge and back, each step checked. */
static void journey(unsigned seed)
{
	static const size_t steps[] = {
	        1,       17,      100,     1000,     1040,      5000,     33000,   70000,   300000,
	        1 << 20, 3 << 20, 9 << 20, 40 << 20, 200 << 20, 41 << 20, 5 << 20, 1 << 20, 40000,
	        32768,   1024,    512,     16,       3,         64 << 20, 8,       1 << 16, 1};
	size_t have = 1;
	unsigned char *block = malloc(have);
	fill(block, 0, have, seed);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		size_t kept = have < steps[i] ? have : steps[i];
		block = realloc(block, steps[i]);
		CHECK(block && malloc_usable_size(block) >= steps[i]);
		CHECK(holds(block, kept, seed));
		fill(block, kept, steps[i], seed);
		have = steps[i];
	}
	free(block);
}

static void creep(unsigned seed)
{
	size_t have = 0;
	unsigned char *block = NULL;
	for (size_t size = 1; size < 150000; size += 1 + size / 50) {
		block = realloc(block, size);
		CHECK(holds(block, have, seed));
		fill(block, have, size, seed);
		have = size;
	}
	for (size_t size = have; size > 1; size -= 1 + size / 50) {
		block = realloc(block, size);
		CHECK(holds(block, size, seed));
	}
	free(block);
}

/* Many at once, at random: neighbours must stay as they are. */
static void crowd(void)
{
	enum { BLOCKS = 300 };
	static unsigned char *block[BLOCKS];
	static size_t have[BLOCKS];
	uint64_t draw = 1;
	for (int round = 0; round < 30000; round++) {
		draw = draw * 6364136223846793005ull + 1442695040888963407ull;
		unsigned i = (unsigned)(draw >> 33) % BLOCKS;
		size_t size = 1 + ((draw >> 40) & ((16u << (draw >> 60)) - 1));
		block[i] = realloc(block[i], size);
		CHECK(holds(block[i], have[i] < size ? have[i] : size, i));
		fill(block[i], 0, size, i);
		have[i] = size;
	}
	for (int i = 0; i < BLOCKS; i++)
		free(block[i]);
}

int main(void)
{
	require_hakmem();
	zero_and_null();
	for (unsigned seed = 0; seed < 3; seed++) {
		journey(seed);
		creep(seed);
	}
	crowd();
	return checks_result();
}
