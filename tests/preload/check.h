/* SPDX-License-Identifier: MIT */
/* Checks that go on, a count of what failed, and the proof that libhakmem is under test. */
#ifndef TEST_CHECK_H
#define TEST_CHECK_H

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned checks_failed, checks_made;

#define CHECK(condition)                                                                          \
	do {                                                                                      \
		__atomic_add_fetch(&checks_made, 1, __ATOMIC_RELAXED);                            \
		if (!(condition)) {                                                               \
			__atomic_add_fetch(&checks_failed, 1, __ATOMIC_RELAXED);                  \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
		}                                                                                 \
	} while (0)

/* What a caller cannot see through: sizes and pointers that the compiler must not reason about. */
#define OPAQUE(value)                                      \
	({                                                 \
		__typeof__((value) + 0) opaque_ = (value); \
		__asm__ volatile("" : "+r"(opaque_));      \
		opaque_;                                   \
	})

/*
 * STATIC_TEST: the program is linked with libhakmem.a, and the script looks at its symbols.
 * Otherwise the `malloc` that the program calls must be libhakmem's.
 */
static inline void require_hakmem(void)
{
#ifndef STATIC_TEST
	Dl_info info;
	if (!dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info) || !strstr(info.dli_fname, "libhakmem")) {
		fprintf(stderr, "malloc is not libhakmem's\n");
		exit(3);
	}
#endif
}

static inline int checks_result(void)
{
	printf("%u checks, %u failed\n", checks_made, checks_failed);
	return checks_failed ? 1 : 0;
}

#endif
