/* SPDX-License-Identifier: MIT */
#include "libc.h"

#include <dlfcn.h>

extern void *dlsym(void *, const char *) __attribute__((weak));

extern char __libc_single_threaded __attribute__((weak));
extern void _IO_list_lock(void) __attribute__((weak));
extern void _IO_list_unlock(void) __attribute__((weak));
extern void _IO_list_resetlock(void) __attribute__((weak));

bool libc_has_one_thread(void)
{
	return &__libc_single_threaded && __libc_single_threaded;
}

void libc_lock_files(void)
{
	if (_IO_list_lock && _IO_list_unlock && _IO_list_resetlock)
		_IO_list_lock();
}

void libc_unlock_files(void)
{
	if (_IO_list_lock && _IO_list_unlock && _IO_list_resetlock)
		_IO_list_unlock();
}

void libc_reset_files(void)
{
	if (_IO_list_lock && _IO_list_unlock && _IO_list_resetlock)
		_IO_list_resetlock();
}

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
