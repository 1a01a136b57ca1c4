/* SPDX-License-Identifier: MIT */
/*
 * A library that puts itself in front of what an allocator may want of libc, and allocates there,
 * as libfaketime, profilers and the like do.
 */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

unsigned hook_calls(void);

static unsigned calls;
static __thread int inside;

static void use_the_allocator(void)
{
	static const size_t sizes[] = {16, 500, 20000, 100000, 3 << 20};
	__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	if (inside)
		return;
	inside = 1;
	for (int i = 0; i < 40; i++) {
		char *p = malloc(sizes[i % 5] + (size_t)i);
		if (!p)
			abort();
		memset(p, i, 16);
		p = realloc(p, sizes[(i + 1) % 5]);
		if (!p || p[0] != i)
			abort();
		free(p);
	}
	inside = 0;
}

unsigned hook_calls(void)
{
	return __atomic_load_n(&calls, __ATOMIC_RELAXED);
}

/* libc's own; found without a hook's help. */
static void *next(const char *name)
{
	int before = inside;
	inside = 1;
	void *function = dlsym(RTLD_NEXT, name);
	inside = before;
	return function;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	use_the_allocator();
	return (int)syscall(SYS_clock_gettime, clock, now);
}

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
	int (*real)(pthread_key_t *, void (*)(void *));
	use_the_allocator();
	*(void **)&real = next("pthread_key_create");
	return real(key, destructor);
}

int pthread_setspecific(pthread_key_t key, const void *value)
{
	int (*real)(pthread_key_t, const void *);
	use_the_allocator();
	*(void **)&real = next("pthread_setspecific");
	return real(key, value);
}

int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *dso);
int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *dso)
{
	int (*real)(void (*)(void), void (*)(void), void (*)(void), void *);
	use_the_allocator();
	*(void **)&real = next("__register_atfork");
	return real(prepare, parent, child, dso);
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	int (*real)(pthread_mutex_t *);
	use_the_allocator();
	*(void **)&real = next("pthread_mutex_lock");
	return real(mutex);
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	int (*real)(pthread_mutex_t *);
	use_the_allocator();
	*(void **)&real = next("pthread_mutex_unlock");
	return real(mutex);
}

unsigned long getauxval(unsigned long type)
{
	unsigned long (*real)(unsigned long);
	use_the_allocator();
	*(void **)&real = next("getauxval");
	return real(type);
}

int pthread_setcancelstate(int state, int *old)
{
	int (*real)(int, int *);
	use_the_allocator();
	*(void **)&real = next("pthread_setcancelstate");
	return real(state, old);
}

char *getenv(const char *name)
{
	char *(*real)(const char *);
	use_the_allocator();
	*(void **)&real = next("getenv");
	return real(name);
}
