/* SPDX-License-Identifier: MIT */
#include "libc.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/types.h>

extern void *dlsym(void *, const char *) __attribute__((weak));
extern void *dlvsym(void *, const char *, const char *) __attribute__((weak));

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

typedef int register_atfork_function(void (*)(void), void (*)(void), void (*)(void), void *);

extern pid_t fork(void) __attribute__((weak));

/*
 * A dlsym of somebody's, who asks in his own name, may find ours again. A static program without
 * fork has none of libc's, and nothing ever to be called.
 */
int libc_register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void),
                         void *dso)
{
	register_atfork_function *function = NULL;
	if (!fork)
		return 0;
	if (dlsym)
		function = (register_atfork_function *)(uintptr_t)dlsym(RTLD_NEXT,
		                                                        "__register_atfork");
	if (function == __register_atfork && dlvsym)
		function = (register_atfork_function *)(uintptr_t)dlvsym(
		        RTLD_NEXT, "__register_atfork", "GLIBC_2.3.2");
	return function && function != __register_atfork ? function(prepare, parent, child, dso)
	                                                 : ENOSYS;
}

typedef size_t usable_size_function(void *);
static usable_size_function *usable_size;

void libc_remember_usable_size(void *function)
{
	__atomic_store_n(&usable_size, (usable_size_function *)(uintptr_t)function,
	                 __ATOMIC_RELEASE);
}

size_t libc_usable_size(void *p)
{
	usable_size_function *found = __atomic_load_n(&usable_size, __ATOMIC_ACQUIRE);
	if (!found && dlsym) {
		found = (usable_size_function *)(uintptr_t)dlsym(RTLD_NEXT, "malloc_usable_size");
		__atomic_store_n(&usable_size, found, __ATOMIC_RELEASE);
	}
	return found ? found(p) : 0;
}
