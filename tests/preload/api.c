/* SPDX-License-Identifier: MIT */
/* Return values and errno of the malloc family, as glibc's manual has them. */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>

#include "check.h"

#define TOO_LARGE ((size_t)PTRDIFF_MAX + 1)

static void zero_sizes(void)
{
	void *a = malloc(0), *b = malloc(0), *c = calloc(0, 8), *d = calloc(8, 0);
	CHECK(a && b && c && d);
	CHECK(a != b && c != d);
	free(a);
	free(b);
	free(c);
	free(d);
	free(NULL);
	CHECK(malloc_usable_size(NULL) == 0);
}

#define CHECK_ENOMEM(call)              \
	do {                            \
		errno = 0;              \
		void *p_ = (call);      \
		CHECK(!p_);             \
		CHECK(errno == ENOMEM); \
		free(p_);               \
	} while (0)

static void too_large(void)
{
	static const size_t sizes[] = {TOO_LARGE,     TOO_LARGE + 1, SIZE_MAX - 4096,
	                               SIZE_MAX - 15, SIZE_MAX - 1,  SIZE_MAX};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = OPAQUE(sizes[i]);
		CHECK_ENOMEM(malloc(size));
		CHECK_ENOMEM(calloc(1, size));
		CHECK_ENOMEM(calloc(size, 1));
		CHECK_ENOMEM(realloc(NULL, size));
		CHECK_ENOMEM(reallocarray(NULL, 1, size));
		CHECK_ENOMEM(memalign(64, size));
		CHECK_ENOMEM(memalign(8192, size));
		CHECK_ENOMEM(aligned_alloc(64, size));
		CHECK_ENOMEM(valloc(size));
		CHECK_ENOMEM(pvalloc(size));
	}
	/* An alignment that leaves no room for the block. */
	CHECK_ENOMEM(memalign((size_t)1 << 62, OPAQUE((size_t)1 << 62)));
	CHECK_ENOMEM(memalign(OPAQUE((size_t)1 << 62), 64));
}

static void overflow(void)
{
	size_t half = OPAQUE((size_t)1 << 32);
	char *kept = malloc(100);
	memset(kept, 7, 100);
	CHECK_ENOMEM(calloc(half, half));
	CHECK_ENOMEM(calloc(half + 1, half));
	CHECK_ENOMEM(calloc(SIZE_MAX / 2, OPAQUE((size_t)3)));
	CHECK_ENOMEM(reallocarray(NULL, half, half));
	errno = 0;
	CHECK(!reallocarray(OPAQUE(kept), half, half));
	CHECK(errno == ENOMEM);
	errno = 0;
	CHECK(!realloc(OPAQUE(kept), OPAQUE(TOO_LARGE)));
	CHECK(errno == ENOMEM);
	for (int i = 0; i < 100; i++)
		CHECK(kept[i] == 7);
	free(kept);
}

/* posix_memalign returns its error; on failure it leaves the pointer alone, and errno but for
 * ENOMEM. */
static void posix(void)
{
	static const size_t wrong[] = {0, 1, 2, 3, 4, 7, 12, 24, 48, 1000};
	char mark;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		void *p = &mark;
		errno = 12345;
		CHECK(posix_memalign(&p, OPAQUE(wrong[i]), 64) == EINVAL);
		CHECK(p == &mark && errno == 12345);
	}
	void *p = &mark;
	errno = 12345;
	CHECK(posix_memalign(&p, 64, OPAQUE(TOO_LARGE)) == ENOMEM);
	CHECK(p == &mark && errno == ENOMEM);
	errno = 12345;
	/* The largest power of two is an alignment like any other; there is no room for it. */
	errno = 0;
	CHECK(memalign(OPAQUE((size_t)1 << 63), 100) == NULL && errno == ENOMEM);
	errno = 0;
	CHECK(memalign(OPAQUE((size_t)1 << 63), OPAQUE(TOO_LARGE)) == NULL && errno == ENOMEM);
	errno = 0;
	CHECK(memalign(OPAQUE(((size_t)1 << 63) + 1), 100) == NULL && errno == EINVAL);
	errno = 12345;
	for (size_t alignment = sizeof(void *); alignment <= 1 << 20; alignment *= 2) {
		CHECK(posix_memalign(&p, alignment, 100) == 0);
		CHECK((uintptr_t)p % alignment == 0 && errno == 12345);
		memset(p, 1, 100);
		free(p);
	}
	CHECK(posix_memalign(&p, 16, 0) == 0);
	free(p);
}

static void calloc_is_zero(void)
{
	for (size_t size = 1; size < 600000; size += size / 3 + 1) {
		for (int round = 0; round < 3; round++) {
			unsigned char *p = calloc(1, size);
			unsigned sum = 0;
			for (size_t i = 0; i < size; i++)
				sum |= p[i];
			CHECK(p && sum == 0);
			memset(p, 0xff, malloc_usable_size(p));
			free(p);
		}
	}
}

static void errno_is_kept(void)
{
	for (size_t size = 1; size <= (size_t)64 << 20; size *= 8) {
		char *p = malloc(size);
		CHECK(p);
		errno = 4711;
		free(p);
		CHECK(errno == 4711);
	}
	errno = 4711;
	free(NULL);
	CHECK(errno == 4711);
}

/* A program may use all that malloc_usable_size says. */
static void usable(void)
{
	enum { BLOCKS = 200 };
	for (size_t size = 0; size < 300000; size += size / 5 + 1) {
		unsigned char *block[BLOCKS];
		size_t count = size < 4096 ? BLOCKS : 8;
		for (size_t i = 0; i < count; i++) {
			block[i] = malloc(size);
			CHECK(malloc_usable_size(block[i]) >= size);
			memset(block[i], (int)i, malloc_usable_size(block[i]));
		}
		for (size_t i = 0; i < count; i++) {
			size_t room = malloc_usable_size(block[i]);
			CHECK(room == 0 || (block[i][0] == i && block[i][room / 2] == i &&
			                    block[i][room - 1] == i));
			free(block[i]);
		}
	}
}

int main(void)
{
	require_hakmem();
	zero_sizes();
	too_large();
	overflow();
	posix();
	calloc_is_zero();
	errno_is_kept();
	usable();
	return checks_result();
}
