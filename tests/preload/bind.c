/* SPDX-License-Identifier: MIT */
/*
 * bind PLUGIN...: blocks go both ways between the program and plugins loaded with RTLD_DEEPBIND,
 * through every function of the family, from several threads. A plugin that begins with "+" was
 * loaded before libhakmem's constructors ran.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "check.h"

struct family {
	void *(*malloc)(size_t);
	void (*free)(void *);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void *(*reallocarray)(void *, size_t, size_t);
	void *(*memalign)(size_t, size_t);
	void *(*aligned_alloc)(size_t, size_t);
	int (*posix_memalign)(void **, size_t, size_t);
	void *(*valloc)(size_t);
	void *(*pvalloc)(size_t);
	size_t (*usable_size)(void *);
	void *(*new_one)(size_t);
	void (*delete_one)(void *);
};

static const size_t sizes[] = {1, 24, 100, 1000, 5000, 50000, 200000};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

/* Of all that `from` has, freed by what `to` has. */
static void cross(const struct family *from, const struct family *to, size_t n)
{
	void *blocks[12] = {
	        from->malloc(n),
	        from->calloc(1, n),
	        from->realloc(NULL, n),
	        from->reallocarray(NULL, 1, n),
	        from->memalign(64, n),
	        from->aligned_alloc(256, n),
	        from->valloc(n),
	        from->pvalloc(n),
	        from->new_one(n),
	        from->realloc(to->malloc(n / 2 + 1), n),
	        to->reallocarray(from->malloc(n), 2, n),
	};
	CHECK(from->posix_memalign(&blocks[11], 4096, n) == 0);
	for (int i = 0; i < 12; i++) {
		CHECK(blocks[i] && to->usable_size(blocks[i]) >= n &&
		      to->usable_size(blocks[i]) == from->usable_size(blocks[i]));
		memset(blocks[i], i, n);
	}
	for (int i = 0; i < 12; i++) {
		CHECK(*(unsigned char *)blocks[i] == i && ((unsigned char *)blocks[i])[n - 1] == i);
		(i % 2 ? to->free : to->delete_one)(blocks[i]);
	}
}

static struct family program, plugin;

static void *all_sizes(void *unused)
{
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < SIZES; i++) {
			cross(&program, &plugin, sizes[i]);
			cross(&plugin, &program, sizes[i]);
			cross(&plugin, &plugin, sizes[i]);
		}
	}
	return unused;
}

/* The plugin has libhakmem's malloc, or with HAKMEM_FORCE_LIBC_ALLOC=1 glibc's. */
static void check_owner(void)
{
	bool (*owns)(const void *) = (bool (*)(const void *))dlsym(RTLD_DEFAULT, "hak_owns");
	void *small = plugin.malloc(10), *huge = plugin.malloc(5 << 20);
	CHECK(owns && owns(small) == !getenv("HAKMEM_FORCE_LIBC_ALLOC"));
	CHECK(owns && owns(huge) == !getenv("HAKMEM_FORCE_LIBC_ALLOC"));
	free(small);
	free(huge);
	small = malloc(10);
	huge = malloc(5 << 20);
	plugin.free(small);
	plugin.free(huge);
}

static void look_into(const char *path, int flags)
{
	pthread_t threads[3];
	void *handle = dlopen(path, RTLD_NOW | flags);
	CHECK(handle);
	if (!handle)
		return;
	void (*family)(struct family *) = (void (*)(struct family *))dlsym(handle, "plugin_family");
	CHECK(family);
	family(&plugin);
	check_owner();
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, all_sizes, NULL);
	all_sizes(NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	CHECK(dlclose(handle) == 0);
}

int main(int argc, char **argv)
{
	program = (struct family){
	        malloc,        free,           calloc, realloc, reallocarray,       memalign,
	        aligned_alloc, posix_memalign, valloc, pvalloc, malloc_usable_size, malloc,
	        free};
	for (int i = 1; i < argc; i++)
		look_into(argv[i] + (*argv[i] == '+'),
		          *argv[i] == '+' ? RTLD_NOLOAD : RTLD_DEEPBIND);
	void *name = strdup("libc's own"); /* what libc allocates for the program */
	plugin.free(name);
	return checks_result();
}
