/* SPDX-License-Identifier: MIT */
#include "libc.h"

#include <dlfcn.h>

extern void *dlsym(void *, const char *) __attribute__((weak));

typedef size_t usable_size_function(void *);

size_t libc_usable_size(void *p)
{
	static usable_size_function *function;
	usable_size_function *found = __atomic_load_n(&function, __ATOMIC_ACQUIRE);
	if (!found && dlsym) {
		found = (usable_size_function *)(uintptr_t)dlsym(RTLD_NEXT, "malloc_usable_size");
		__atomic_store_n(&function, found, __ATOMIC_RELEASE);
	}
	return found ? found(p) : 0;
}
