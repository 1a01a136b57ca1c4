/* SPDX-License-Identifier: MIT */
/*
 * Pointers that are glibc's own arrive at free, realloc and malloc_usable_size (an extension
 * loaded with RTLD_DEEPBIND does that); they must go to glibc.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "check.h"

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static const size_t sizes[] = {1, 24, 100, 1000, 5000, 50000, 200000, 10 << 20};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static void *all_sizes(void *unused)
{
	for (int i = 0; i < SIZES; i++) {
		unsigned char *p = __libc_malloc(sizes[i]), *q = __libc_calloc(1, sizes[i]);
		unsigned char *r = __libc_memalign(4096, sizes[i]);
		memset(p, 0x42, sizes[i]);
		CHECK(malloc_usable_size(p) >= sizes[i]);
		/* What shows that glibc answered: its heap blocks have 8 bytes more than a multiple
		 * of 16. */
		CHECK(sizes[i] > 100000 || malloc_usable_size(p) % 16 == 8);
		p = realloc(p, sizes[i] * 2);
		CHECK(p && p[0] == 0x42 && p[sizes[i] - 1] == 0x42);
		CHECK(malloc_usable_size(p) >= sizes[i] * 2);
		p = realloc(p, 1);
		CHECK(p && p[0] == 0x42);
		free(p);
		free(q);
		free(r);
	}
	return unused;
}

static void zero(void)
{
	CHECK(!realloc(__libc_malloc(10), 0));
	CHECK(!realloc(__libc_malloc(1 << 20), 0));
}

/* What libc allocates for the program comes from us, and so may be freed by the program. */
static void made_by_libc(void)
{
	bool (*owns)(const void *) = (bool (*)(const void *))dlsym(RTLD_DEFAULT, "hak_owns");
	char *copy = strdup("copy"), *text = NULL, *line = NULL;
	size_t length = 0;
	FILE *stream = fopen("/proc/self/status", "r");
	CHECK(asprintf(&text, "%d", 4711) == 4 && getline(&line, &length, stream) > 0);
	CHECK(owns && owns(copy) && owns(text) && owns(line));
	fclose(stream);
	free(copy);
	free(text);
	free(line);
}

int main(void)
{
	pthread_t thread;
	require_hakmem();
	free(__libc_malloc(40)); /* before anything else was allocated here */
	all_sizes(NULL);
	zero();
	made_by_libc();
	pthread_create(&thread, NULL, all_sizes, NULL); /* another arena of glibc's */
	pthread_join(thread, NULL);
	return checks_result();
}
