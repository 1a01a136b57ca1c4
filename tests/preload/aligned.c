/* SPDX-License-Identifier: MIT */
/* Alignment: 16 for every size, and what memalign and its kin are asked for, up to 1 GiB. */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <unistd.h>

#include "check.h"

static void every_size(void)
{
	for (size_t size = 0; size <= 70000; size++) {
		char *p = malloc(size), *q = calloc(1, size);
		p = realloc(p, size + size / 7 + 1);
		CHECK(p && q && (uintptr_t)p % 16 == 0 && (uintptr_t)q % 16 == 0);
		free(p);
		free(q);
	}
}

static void fill_and_free(void *block, size_t alignment, size_t size)
{
	CHECK(block);
	CHECK((uintptr_t)block % alignment == 0);
	CHECK(malloc_usable_size(block) >= size);
	if (block && size <= 1 << 20)
		memset(block, 0x33, malloc_usable_size(block));
	free(block);
}

static void powers(void)
{
	static const size_t sizes[] = {0, 1, 16, 100, 1000, 5000, 40000, 1 << 20};
	for (size_t alignment = 1; alignment <= (size_t)1 << 30; alignment *= 2)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			void *block;
			fill_and_free(memalign(alignment, sizes[i]), alignment, sizes[i]);
			fill_and_free(aligned_alloc(alignment, sizes[i]), alignment, sizes[i]);
			if (alignment < sizeof(void *))
				continue;
			CHECK(posix_memalign(&block, alignment, sizes[i]) == 0);
			fill_and_free(block, alignment, sizes[i]);
		}
}

/* Aligned blocks among others of the same class: neighbours must not overlap. */
static void neighbours(void)
{
	enum { BLOCKS = 500 };
	static unsigned char *block[BLOCKS];
	for (size_t alignment = 32; alignment <= 65536; alignment *= 4) {
		for (int i = 0; i < BLOCKS; i++) {
			block[i] = i % 2 ? memalign(alignment, 200) : malloc(200);
			memset(block[i], i, malloc_usable_size(block[i]));
		}
		for (int i = 0; i < BLOCKS; i++) {
			size_t room = malloc_usable_size(block[i]);
			CHECK(block[i][0] == (i & 255) && block[i][199] == (i & 255) &&
			      block[i][room - 1] == (i & 255));
		}
		for (int i = 0; i < BLOCKS; i++)
			free(block[i]);
	}
}

/* realloc of an aligned block keeps its contents (its alignment need not be kept). */
static void realloc_aligned(void)
{
	for (size_t alignment = 16; alignment <= 1 << 22; alignment *= 4) {
		unsigned char *p = memalign(alignment, 1000);
		memset(p, 0x77, 1000);
		p = realloc(p, 100000);
		for (int i = 0; i < 1000; i++)
			CHECK(p[i] == 0x77);
		p = realloc(p, 10);
		CHECK(p[9] == 0x77);
		free(p);
	}
}

static void pages(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	for (size_t size = 0; size < 20000; size += 777) {
		fill_and_free(valloc(size), page, size);
		/* pvalloc rounds the size up to whole pages. */
		fill_and_free(pvalloc(size), page, (size + page - 1) / page * page);
	}
}

int main(void)
{
	require_hakmem();
	every_size();
	powers();
	neighbours();
	realloc_aligned();
	pages();
	return checks_result();
}
