/* SPDX-License-Identifier: MIT */
/*
 * The first call of a process may be any of the family, and may come before any constructor of
 * the program has run. `early CASE`; the call is made from .preinit_array.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <unistd.h>

#include "check.h"

extern void *__libc_malloc(size_t size);

static int early_ok = -1;

/* glibc hands argc and argv to preinit functions. */
static void early_call(int argc, char **argv)
{
	static const char *const cases[] = {"free-null",       "free-foreign", "realloc", "calloc",
	                                    "usable",          "memalign",     "malloc",  "large",
	                                    "realloc-foreign", "trim",         "info"};
	void *p = NULL;
	int which = 0;
	while (argc > 1 && which < 11 && strcmp(argv[1], cases[which]) != 0)
		which++;
	errno = 0;
	switch (argc > 1 ? which : -1) {
	case 0:
		free(NULL);
		early_ok = 1;
		break;
	case 1:
		free(__libc_malloc(100));
		early_ok = 1;
		break;
	case 2:
		p = realloc(NULL, 100);
		early_ok = p != NULL;
		break;
	case 3:
		p = calloc(10, 10);
		early_ok = p && ((char *)p)[99] == 0;
		break;
	case 4:
		early_ok = malloc_usable_size(NULL) == 0;
		break;
	case 5:
		p = memalign(4096, 10);
		early_ok = p && (uintptr_t)p % 4096 == 0;
		break;
	case 6:
		p = malloc(100);
		early_ok = p != NULL;
		break;
	case 7:
		p = malloc(10 << 20);
		early_ok = p != NULL;
		break;
	case 8:
		p = realloc(__libc_malloc(100), 1000);
		early_ok = p != NULL;
		break;
	case 9:
		malloc_trim(0);
		early_ok = 1;
		break;
	case 10:
		early_ok = mallinfo2().uordblks < (size_t)1 << 40;
		break;
	default:
		break;
	}
	free(p);
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(int,
                                                                            char **) = early_call;

int main(void)
{
	require_hakmem();
	CHECK(early_ok == 1);
	free(malloc(100));
	return checks_result();
}
