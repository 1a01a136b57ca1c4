/* SPDX-License-Identifier: MIT */
/* The input of a fuzz target as a file, for parsers that want a path. */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The path of a file in memory that holds `data`, until the next call. */
static inline const char *input_path(const void *data, size_t size)
{
	static char path[64];
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("input", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	return path;
}

/* The same by a name of that suffix, in the working directory. */
static inline const char *input_path_with(const char *suffix, const void *data, size_t size)
{
	static char name[64];
	const char *path = input_path(data, size);

	if (!*name) {
		snprintf(name, sizeof(name), "input-%d%s", (int)getpid(), suffix);
		if (symlink(path, name))
			abort();
	}
	return name;
}

#endif
