/* SPDX-License-Identifier: MIT */
/* mallinfo2 and its kin say what is true. */
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "check.h"

enum { BLOCKS = 20000, SIZE = 500 };

static void moves_with_blocks(void)
{
	static char *block[BLOCKS];
	struct mallinfo2 before = mallinfo2();
	for (int i = 0; i < BLOCKS; i++) {
		block[i] = malloc(SIZE);
		block[i][0] = 1;
	}
	struct mallinfo2 full = mallinfo2();
	size_t grown = full.uordblks + full.hblkhd - before.uordblks - before.hblkhd;
	CHECK(grown >= (size_t)BLOCKS * SIZE && grown <= (size_t)BLOCKS * SIZE * 3 / 2);
	CHECK(full.arena + full.hblkhd >= full.uordblks + full.hblkhd);
	for (int i = 0; i < BLOCKS; i++)
		free(block[i]);
	struct mallinfo2 after = mallinfo2();
	CHECK(after.uordblks + after.hblkhd <
	      full.uordblks + full.hblkhd - (size_t)BLOCKS * SIZE / 2);
}

static void moves_with_large_blocks(void)
{
	struct mallinfo2 before = mallinfo2();
	void *large = malloc((size_t)256 << 20);
	struct mallinfo2 full = mallinfo2();
	CHECK(full.uordblks + full.hblkhd >= before.uordblks + before.hblkhd + ((size_t)256 << 20));
	free(large);
	struct mallinfo2 after = mallinfo2();
	CHECK(after.uordblks + after.hblkhd <= before.uordblks + before.hblkhd + (1 << 20));
}

/* The old form is deprecated because its fields are ints; programs still call it. */
static int old_arena(void)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	return mallinfo().arena;
#pragma GCC diagnostic pop
}

static void others(void)
{
	char *text = NULL;
	size_t length = 0;
	CHECK(old_arena() >= 0);
	CHECK(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1);
	CHECK(mallopt(M_TRIM_THRESHOLD, 1 << 20) == 1);
	CHECK(mallopt(M_ARENA_MAX, 2) == 1);
	int trimmed = malloc_trim(0);
	CHECK(trimmed == 0 || trimmed == 1);
	FILE *stream = open_memstream(&text, &length);
	CHECK(malloc_info(0, stream) == 0);
	fclose(stream);
	CHECK(length > 0 && strstr(text, "<malloc version=") && strstr(text, "</malloc>"));
	free(text);
	malloc_stats();
}

int main(void)
{
	require_hakmem();
	moves_with_blocks();
	moves_with_large_blocks();
	others();
	return checks_result();
}
