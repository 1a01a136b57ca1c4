/* SPDX-License-Identifier: MIT */
/*
 * Shortage of address space, and what is in the allocator's way there. `space CASE`, one case a
 * process; the script gives it the modes. Each exits 0 when it went well.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

/* Without a malloc, which stdio would make. */
static size_t mapped(void)
{
	char text[200] = "";
	int fd = open("/proc/self/statm", O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		abort();
	close(fd);
	return strtoul(text, NULL, 10) * 4096;
}

static void allow(size_t more)
{
	struct rlimit limit = {mapped() + more, RLIM_INFINITY};
	setrlimit(RLIMIT_AS, &limit);
}

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

struct link {
	struct link *next;
};

static size_t fill(size_t size, size_t most, struct link **list)
{
	size_t n = 0;
	struct link *block;
	for (; n < most && (block = malloc(size)); n++) {
		block->next = *list;
		*list = block;
	}
	return n;
}

static void empty(struct link **list)
{
	for (struct link *next; *list; *list = next) {
		next = (*list)->next;
		free(*list);
	}
}

/* All above the first block is taken: there is room below. */
static void above_is_taken(void)
{
	struct link *list = NULL;
	uintptr_t first = (uintptr_t)malloc(100) / (4 * MIB) * (4 * MIB) + 16 * MIB;
	CHECK(mmap((void *)first, 512 * GIB - first, PROT_NONE,
	           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1,
	           0) == (void *)first);
	double begin = seconds();
	CHECK(fill(1000, 100000, &list) == 100000);
	CHECK(seconds() - begin < 5);
	CHECK(malloc(100000) && malloc(5 * MIB));
	empty(&list);
}

/* The window is full: what was asked for comes from elsewhere, soon; when there is room again, from
 * there. */
static void window_is_full(void)
{
	struct link *list = NULL;
	free(malloc(100));
	for (uintptr_t at = 4 * GIB; at < 512 * GIB; at += 4 * GIB)
		if (mmap((void *)at, 4 * GIB, PROT_NONE,
		         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1,
		         0) != (void *)at)
			for (uintptr_t i = at; i < at + 4 * GIB; i += 4 * MIB)
				mmap((void *)i, 4 * MIB, PROT_NONE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
				             MAP_FIXED_NOREPLACE,
				     -1, 0);
	double begin = seconds();
	CHECK(fill(1000, 20000, &list) == 20000);
	void *large = malloc(100000), *aligned = aligned_alloc(512, 512);
	CHECK(large && aligned && (uintptr_t)aligned % 512 == 0);
	CHECK(malloc_usable_size(aligned) >= 512);
	CHECK(seconds() - begin < 10);
	void *grown = realloc(large, 300000);
	CHECK(grown);
	free(grown);
	free(aligned);
	empty(&list);
	munmap((void *)(256 * GIB), 4 * GIB);
	usleep(100000); /* it is not looked all the time */
	fill(1000, 20000, &list);
	size_t inside = 0;
	for (struct link *block = list; block; block = block->next)
		inside += (uintptr_t)block - 256 * GIB < 4 * GIB;
	CHECK(inside > 1000);
	empty(&list);
}

/* Address space for less than an arena. */
static void little_is_left(void)
{
	struct link *list = NULL;
	allow(2 * MIB);
	CHECK(fill(300, 1000, &list) == 1000);
	CHECK(malloc(100000));
	empty(&list);
}

/* One arena is there, and has 63 granules. */
static void little_is_left_later(void)
{
	struct link *list = NULL;
	free(malloc(100));
	allow(2 * MIB);
	CHECK(fill(1000, SIZE_MAX, &list) * 1000 > 63 * 65536 + MIB);
	empty(&list);
}

/* What was freed in one size can be had in any other. */
static void other_sizes(void)
{
	struct link *list = NULL;
	free(malloc(100));
	allow(16 * MIB);
	for (size_t size = 16; size <= 8 * MIB; size *= 2) {
		size_t n = fill(size, SIZE_MAX, &list);
		CHECK(n * size >= 8 * MIB);
		CHECK(errno == ENOMEM);
		empty(&list);
	}
	for (size_t size = 8 * MIB; size >= 16; size /= 4) {
		CHECK(fill(size, SIZE_MAX, &list) * size >= 8 * MIB);
		empty(&list);
	}
}

/* What keeps an arena's granules may be a few freed blocks of each class: they are had back as
 * well. */
static void few_of_each(void)
{
	free(malloc(100));
	allow(MIB);
	for (int times = 0; times < 40; times++)
		for (size_t size = 16; size <= 1024; size += 16)
			free(malloc(size));
	void *p = malloc(2 * MIB);
	CHECK(p);
	free(p);
}

/* Failing over and over costs no more than a little each time. */
static void limit_is_looked_for(void)
{
	struct link *list = NULL;
	allow(64 * MIB);
	fill(100000, SIZE_MAX, &list);
	fill(1000, SIZE_MAX, &list);
	double begin = seconds();
	for (int i = 0; i < 20000; i++)
		CHECK(!malloc(64 * MIB));
	CHECK(seconds() - begin < 5);
	empty(&list);
}

static void *nothing(void *p)
{
	return p;
}

/* What was freed is there for others: mmap, stacks. */
static void others_want_it(void)
{
	struct link *list = NULL;
	pthread_t thread;
	free(malloc(100));
	allow(128 * MIB);
	fill(600, SIZE_MAX, &list);
	empty(&list);
	malloc_trim(0);
	void *p = mmap(NULL, 100 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	munmap(p, 100 * MIB);
	CHECK(!pthread_create(&thread, NULL, nothing, NULL));
	pthread_join(thread, NULL);
	CHECK(fill(600, SIZE_MAX, &list) * 600 > 64 * MIB);
	empty(&list);
}

/* A block that shrinks stays where it is when there is no other. */
static void shrink(void)
{
	struct link *list = NULL;
	char *large = malloc(500000), *huge = malloc(3 * MIB), *medium = malloc(30000);
	memset(medium, 7, 30000);
	memset(large, 7, 500000);
	memset(huge, 7, 3 * MIB);
	allow(32 * MIB);
	for (size_t size = 20000; size >= 16; size = size / 2)
		fill(size, SIZE_MAX, &list);
	allow(0);
	huge = realloc(huge, 1500000); /* no run of an arena is that long, nor has glibc so much */
	CHECK(huge && huge[1499999] == 7);
	for (size_t n = 20000; n; n /= 10) {
		medium = realloc(medium, n);
		large = realloc(large, n * 2);
		huge = realloc(huge, n * 3);
		CHECK(medium && large && huge);
		CHECK(medium[n - 1] == 7 && large[n - 1] == 7 && huge[n - 1] == 7);
	}
	empty(&list);
}

/* Many small blocks at a large alignment: a mapping each would be more than the system allows. */
static void many_aligned(void)
{
	enum { N = 70000 };
	static char *blocks[N];
	for (size_t i = 0; i < N; i++) {
		blocks[i] = aligned_alloc(256 * 1024, 8192);
		if (!blocks[i] || (uintptr_t)blocks[i] % (256 * 1024))
			CHECK(!"aligned");
		else
			memcpy(blocks[i], &i, sizeof(i));
	}
	size_t bad = 0;
	for (size_t i = 0; i < N; i++)
		bad += memcmp(blocks[i], &i, sizeof(i)) != 0;
	CHECK(bad == 0);
	for (size_t align = 128 * 1024; align <= 8 * MIB; align *= 2) {
		char *p = aligned_alloc(align, 2 * MIB);
		CHECK(p && (uintptr_t)p % align == 0);
		memset(p, 1, 2 * MIB);
		free(p);
	}
	for (size_t i = 0; i < N; i++)
		free(blocks[i]);
}

/* Runs `f` in a child; the signal that ended it, or 0. */
static int ends_by(void (*f)(char *), char *p)
{
	int status;
	pid_t child = fork();
	if (!child) {
		f(p);
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void write_there(char *p)
{
	*(volatile char *)p = 1;
}

/* Behind the last block of an arena, and behind each that is a mapping, nothing can be written. */
static void overflow(void)
{
	unsigned at_end = 0;
	char *blocks[64];
	for (int i = 0; i < 64; i++)
		blocks[i] = malloc(21 << 16);
	for (int i = 0; i < 64; i++) {
		char *end = blocks[i] + malloc_usable_size(blocks[i]);
		if ((uintptr_t)end % (4 * MIB) && (uintptr_t)end < 512 * GIB)
			continue; /* another block may follow */
		at_end++;
		CHECK(ends_by(write_there, end - 1) == 0);
		CHECK(ends_by(write_there, end) == SIGSEGV);
		CHECK(ends_by(write_there, end + 4095) == SIGSEGV);
	}
	CHECK(at_end > 3);
	char *huge = malloc(5 * MIB);
	for (size_t n = 5 * MIB; n; n = n == 5 * MIB ? 9 * MIB : n == 9 * MIB ? 3 * MIB : 0) {
		huge = realloc(huge, n);
		char *end = huge + malloc_usable_size(huge);
		CHECK(ends_by(write_there, end - 1) == 0);
		CHECK(ends_by(write_there, end) == SIGSEGV);
	}
}

static size_t resident(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (size_t)usage.ru_maxrss * 1024;
}

/* calloc of what was freed: zero, and no page more resident than was written to. */
static void cleared(void)
{
	static char *blocks[64];
	size_t before = resident();
	for (size_t n = MIB; n <= 4 * MIB; n *= 2) {
		for (int i = 0; i < 64; i++) {
			free(malloc(n));
			blocks[i] = calloc(1, n);
		}
		for (int i = 0; i < 64; i++)
			free(blocks[i]);
	}
	CHECK(resident() - before < 16 * MIB);
	for (size_t n = 100000; n < 9 * MIB; n *= 2) {
		char *p = malloc(n);
		for (size_t i = 0; i < n; i += n % 7 ? 4096 : 12288)
			memset(p + i, 5, i + 100 < n ? 100 : n - i);
		free(p);
		p = calloc(1, n);
		size_t bad = 0;
		for (size_t i = 0; i < n; i++)
			bad += p[i] != 0;
		CHECK(bad == 0);
		free(p);
	}
}

/*
 * The process has as many mappings as it may: huge blocks are freed and had again nevertheless. The
 * later ones have no barriers and are one mapping, which munmap would have to split.
 */
static void mappings_are_short(void)
{
	enum { N = 24, PAGES = 70000 };
	static char *blocks[N];
	size_t before = mapped(), bad = 0;
	for (int i = 0; i < N / 2; i++)
		memset(blocks[i] = malloc(40 * MIB), i, 100000);
	char *pages = mmap(NULL, (size_t)PAGES * 4096, PROT_NONE,
	                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int n = 0;
	while (n < PAGES && !mprotect(pages + (size_t)n * 4096, 4096, PROT_READ))
		n += 2;
	CHECK(n < PAGES);
	for (int i = N / 2; i < N; i++)
		if ((blocks[i] = malloc(40 * MIB)))
			memset(blocks[i], i, 100000);
	for (int round = 0; round < 3; round++)
		for (int i = 1; i < N; i += 2) {
			free(blocks[i]);
			blocks[i] = malloc(40 * MIB - (size_t)round * 4096);
			CHECK(blocks[i]);
			if (blocks[i])
				memset(blocks[i], i, 100000);
		}
	for (int i = 0; i < N; i++)
		bad += blocks[i] && (blocks[i][0] != i || blocks[i][99999] != i);
	CHECK(bad == 0);
	for (int i = 1; i < N; i += 2)
		free(blocks[i]);
	munmap(pages, (size_t)PAGES * 4096);
	for (int i = 0; i < N; i += 2)
		free(blocks[i]);
	malloc_trim(0);
	CHECK(mapped() - before < 20 * MIB);
}

/* Where blocks lie, for the script to compare. */
static void where(void)
{
	printf("%zu %zu %zu %zu\n", (size_t)malloc(16), (size_t)malloc(500), (size_t)malloc(100000),
	       (size_t)malloc(3 * MIB));
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
        {"above-is-taken", above_is_taken},
        {"window-is-full", window_is_full},
        {"little-is-left", little_is_left},
        {"little-is-left-later", little_is_left_later},
        {"other-sizes", other_sizes},
        {"few-of-each", few_of_each},
        {"limit-is-looked-for", limit_is_looked_for},
        {"others-want-it", others_want_it},
        {"shrink", shrink},
        {"many-aligned", many_aligned},
        {"overflow", overflow},
        {"cleared", cleared},
        {"mappings-are-short", mappings_are_short},
        {"where", where},
};

int main(int argc, char **argv)
{
	require_hakmem();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (argc == 2 && !strcmp(argv[1], cases[i].name)) {
			cases[i].run();
			return checks_result();
		}
	}
	for (size_t i = 0; argc == 1 && i + 1 < sizeof(cases) / sizeof(cases[0]); i++)
		puts(cases[i].name);
	return argc == 1 ? 0 : 2;
}
