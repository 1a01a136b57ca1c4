// SPDX-License-Identifier: MIT
// Loaded with RTLD_DEEPBIND: gives out every function of the malloc family as it finds it.
#include <cstddef>
#include <cstdlib>
#include <malloc.h>
#include <new>

struct family {
	void *(*malloc)(std::size_t);
	void (*free)(void *);
	void *(*calloc)(std::size_t, std::size_t);
	void *(*realloc)(void *, std::size_t);
	void *(*reallocarray)(void *, std::size_t, std::size_t);
	void *(*memalign)(std::size_t, std::size_t);
	void *(*aligned_alloc)(std::size_t, std::size_t);
	int (*posix_memalign)(void **, std::size_t, std::size_t);
	void *(*valloc)(std::size_t);
	void *(*pvalloc)(std::size_t);
	std::size_t (*usable_size)(void *);
	void *(*new_one)(std::size_t);
	void (*delete_one)(void *);
};

static void *new_one(std::size_t bytes)
{
	return ::operator new(bytes);
}

static void delete_one(void *block)
{
	::operator delete(block);
}

extern "C" void plugin_family(family *all)
{
	*all = {std::malloc, std::free,      std::calloc, std::realloc, reallocarray,
	        memalign,    aligned_alloc,  posix_memalign, valloc,    pvalloc,
	        malloc_usable_size, new_one, delete_one};
}
