/* SPDX-License-Identifier: MIT */
/*
 * Says which mode is in force and whose blocks malloc returns, by two witnesses: hak_owns(), and
 * whether a small block lies in the region of brk(), where glibc's main heap is and ours never.
 */
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "check.h"

int main(void)
{
	require_hakmem();
	bool (*owns)(const void *) = (bool (*)(const void *))dlsym(RTLD_DEFAULT, "hak_owns");
	const char *(*mode)(void) = (const char *(*)(void))dlsym(RTLD_DEFAULT, "hak_mode");
	static char program_data;
	unsigned ours = 0, in_heap = 0, blocks = 0;
	if (!owns || !mode)
		return 2;
	for (size_t size = 1; size < 60000; size += size / 2 + 1, blocks++) {
		char *p = calloc(1, size);
		p = realloc(p, size + 1);
		ours += owns(p);
		in_heap += p > &program_data && p < (char *)sbrk(0);
		free(p);
	}
	if (ours == blocks && !in_heap)
		printf("mode %s: libhakmem's blocks\n", mode());
	else if (!ours && in_heap == blocks)
		printf("mode %s: glibc's blocks\n", mode());
	else
		printf("mode %s: %u of %u blocks are ours, %u glibc's\n", mode(), ours, blocks,
		       in_heap);
	return 0;
}
