/* SPDX-License-Identifier: MIT */
#include "bench/base/resources.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct resources resources_now(void)
{
	struct timespec cpu;
	struct rusage usage;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	getrusage(RUSAGE_SELF, &usage);
	return (struct resources){
	        .cpu_ns = (uint64_t)cpu.tv_sec * 1000000000u + (uint64_t)cpu.tv_nsec,
	        .page_faults = (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt,
	};
}

/* A "Key: N kB" line of /proc/self/status, in bytes; read without stdio, which would allocate. */
static uint64_t status_bytes(const char *key)
{
	char text[4096];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return 0;
	text[length] = '\0';
	const char *line = strstr(text, key);
	return line ? strtoull(line + strlen(key), NULL, 10) * 1024 : 0;
}

uint64_t resources_rss(void)
{
	return status_bytes("\nVmRSS:");
}

uint64_t resources_peak_rss(void)
{
	return status_bytes("\nVmHWM:");
}

const char *resources_allocator(void)
{
	Dl_info info;
	void *function = dlsym(RTLD_DEFAULT, "malloc");
	if (!function || !dladdr(function, &info) || !info.dli_fname)
		return "unknown";
	return info.dli_fname;
}
