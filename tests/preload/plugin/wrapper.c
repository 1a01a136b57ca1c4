/* SPDX-License-Identifier: MIT */
/*
 * Preloaded besides libhakmem: its malloc and free hand on to the next ones, or with FROM_LIBC to
 * those that a handle of libc's has; they must not come back.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void *(*next_malloc)(size_t);
static void (*next_free)(void *);
static int depth;

__attribute__((constructor)) static void find(void)
{
	void *where = getenv("FROM_LIBC") ? dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD) : RTLD_NEXT;
	next_free = (void (*)(void *))dlsym(where, "free");
	next_malloc = (void *(*)(size_t))dlsym(where, "malloc");
}

extern void *__libc_malloc(size_t);

void *malloc(size_t n)
{
	if (__atomic_add_fetch(&depth, 1, __ATOMIC_RELAXED) > 1000) {
		(void)!write(2, "the wrapper calls itself\n", 25);
		_exit(3);
	}
	void *p = next_malloc ? next_malloc(n) : __libc_malloc(n);
	__atomic_sub_fetch(&depth, 1, __ATOMIC_RELAXED);
	return p;
}

void free(void *p)
{
	if (next_free)
		next_free(p);
}
