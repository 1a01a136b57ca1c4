/* SPDX-License-Identifier: MIT */
/* misuse CASE: does one wrong thing. Reaching the end means that it was not noticed: exit 42. */
#include <stdint.h>

#include "check.h"

static void double_free(void)
{
	char *p = malloc(100);
	free(OPAQUE(p));
	free(OPAQUE(p));
}

/* Others of the class are allocated and freed in between. */
static void double_free_later(void)
{
	char *p = malloc(100), *block[10];
	free(OPAQUE(p));
	for (int i = 0; i < 10; i++)
		block[i] = malloc(200);
	for (int i = 0; i < 10; i++)
		free(block[i]);
	free(OPAQUE(p));
}

static void free_interior(void)
{
	char *p = malloc(100);
	free(OPAQUE(p + 16));
}

static void free_misaligned(void)
{
	char *p = malloc(100);
	free(OPAQUE(p + 1));
}

static void free_stack(void)
{
	char local[64];
	free(OPAQUE((void *)(((uintptr_t)local + 15) & ~(uintptr_t)15)));
}

/* 200 KiB lie in an arena, 30 MiB in a mapping of their own. */
enum { LARGE = 200 << 10, HUGE = 30 << 20 };

static void free_twice(size_t size)
{
	char *p = malloc(size);
	free(OPAQUE(p));
	free(OPAQUE(p));
}

static void free_inside(size_t size)
{
	char *p = malloc(size);
	free(OPAQUE(p + 4096));
}

static void free_large_twice(void)
{
	free_twice(LARGE);
}

static void free_large_interior(void)
{
	free_inside(LARGE);
}

static void free_huge_twice(void)
{
	free_twice(HUGE);
}

static void free_huge_interior(void)
{
	free_inside(HUGE);
}

static void realloc_freed(void)
{
	char *p = malloc(100);
	free(OPAQUE(p));
	p = realloc(OPAQUE(p), 5000);
}

/* A double free that a flush of the magazines must find in the fast mode, at the latest. */
static void double_free_flushed(void)
{
	enum { BLOCKS = 200000 };
	static char *block[BLOCKS];
	for (int i = 0; i < BLOCKS; i++)
		block[i] = malloc(100);
	for (int i = 0; i < BLOCKS; i++)
		free(block[i]);
	free(OPAQUE(block[BLOCKS / 2]));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < BLOCKS; i++)
			block[i] = malloc(100);
		for (int i = 0; i < BLOCKS; i++)
			free(block[i]);
	}
}

static void nothing_wrong(void)
{
	for (int round = 0; round < 3; round++)
		for (size_t size = 0; size < 3 << 20; size += size / 3 + 1) {
			char *p = malloc(size);
			p = realloc(p, size + 100);
			free(p);
		}
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
        {"double-free", double_free},
        {"double-free-later", double_free_later},
        {"free-interior", free_interior},
        {"free-misaligned", free_misaligned},
        {"free-stack", free_stack},
        {"free-large-twice", free_large_twice},
        {"free-large-interior", free_large_interior},
        {"free-huge-twice", free_huge_twice},
        {"free-huge-interior", free_huge_interior},
        {"realloc-freed", realloc_freed},
        {"double-free-flushed", double_free_flushed},
        {"nothing-wrong", nothing_wrong},
};

int main(int argc, char **argv)
{
	require_hakmem();
	for (size_t i = 0; argc == 2 && i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			return 42;
		}
	return 2;
}
