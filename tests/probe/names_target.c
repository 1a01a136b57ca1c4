/* SPDX-License-Identifier: MIT */
/*
 * Calls malloc from places whose names are hard to get: an inlined function in a static one, and
 * code that it has made itself and written into /tmp/perf-PID.map, as a JIT compiler does. Between
 * them it asks the vdso for the time. Runs from the first line on stdin to the end of stdin.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SEPARATE __attribute__((noinline, noclone))

static volatile unsigned done;

static inline __attribute__((always_inline)) void hidden_inside(size_t size)
{
	void *block = malloc(size);

	if (!block)
		abort();
	*(volatile char *)block = 1;
	free(block);
	done++;
}

SEPARATE static void unexported(void)
{
	hidden_inside(5000);
	done++;
}

SEPARATE static void from_made(void)
{
	hidden_inside(6000);
	done++;
}

typedef void made_fn(void (*call)(void));

/* push %rbp; mov %rsp,%rbp; call *%rdi; pop %rbp; ret: no call frame information anywhere. */
static made_fn *make(void)
{
	static const unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
	unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char path[64];
	FILE *map;

	if (page == MAP_FAILED)
		abort();
	memcpy(page, code, sizeof(code));
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	map = fopen(path, "w");
	if (map) {
		fprintf(map, "%lx %zx script:made at run time\n", (unsigned long)page,
		        sizeof(code));
		fclose(map);
	}
	return (made_fn *)page;
}

SEPARATE static void ask_time(void)
{
	struct timespec now;

	for (int i = 0; i < 20000; i++)
		clock_gettime(CLOCK_MONOTONIC, &now);
	done += (unsigned)now.tv_nsec;
}

int main(void)
{
	struct pollfd input = {.fd = 0, .events = POLLIN};
	char line[16], path[64];
	made_fn *made;

	if (read(0, line, sizeof(line)) <= 0)
		return 0;
	made = make();
	if (write(1, "ready\n", 6) != 6)
		return 1;
	for (;;) {
		for (int i = 0; i < 100; i++) {
			unexported();
			made(from_made);
		}
		ask_time();
		if (poll(&input, 1, 1) > 0 && read(0, line, sizeof(line)) <= 0)
			break;
	}
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	unlink(path);
	return 0;
}
