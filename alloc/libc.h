/* SPDX-License-Identifier: MIT */
/*
 * Floor 1: glibc's own allocator, for pointers that are not ours and for HAKMEM_FORCE_LIBC_ALLOC. A
 * statically linked program may lack it.
 */
#ifndef HAK_LIBC_H
#define HAK_LIBC_H

#include "base.h"

extern void *__libc_malloc(size_t) __attribute__((weak));
extern void *__libc_calloc(size_t, size_t) __attribute__((weak));
extern void *__libc_realloc(void *, size_t) __attribute__((weak));
extern void *__libc_memalign(size_t, size_t) __attribute__((weak));
extern void __libc_free(void *) __attribute__((weak));

static inline bool libc_is_there(void)
{
	return __libc_malloc && __libc_calloc && __libc_realloc && __libc_memalign && __libc_free;
}

/*
 * libc's own pthread_atfork for the object `dso`, with which the handlers go (NULL: never), as 0 or
 * an errno; ENOSYS when there is none.
 */
int libc_register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void),
                         void *dso);

/* The same by its own name, which the program calls as well:
 * ours, or in a static program libc's. */
int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *dso);

/* Of glibc 2.32 and newer: whether the process has one
 * thread only. False when that is not known. */
bool libc_has_one_thread(void);

/* The lock of stdio's list of open files; no-ops where there is none. reset: in a forked child. */
void libc_lock_files(void);
void libc_unlock_files(void);
void libc_reset_files(void);

/* Where glibc's malloc_usable_size is, before its name is bound to ours (bind.h). */
void libc_remember_usable_size(void *function);

/* Usable bytes of a block of glibc's; 0 when glibc's function cannot be found. */
size_t libc_usable_size(void *p);

#endif
