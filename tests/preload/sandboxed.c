/* SPDX-License-Identifier: MIT */
/*
 * The process locks itself in while it runs, as browsers and servers do: `sandboxed CALL ANSWER`.
 * CALL: what the filter does not know: flags of mmap beyond the classic ones, advice of madvise
 * other than DONTNEED and FREE, membarrier, mincore; ANSWER: kill, or the number of an error.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

enum { BLOCKS = 60000, ROUNDS = 200000, IN_USE = 4000 };

#define LOAD(field)     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ALLOW           BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define IF(test, value) BPF_JUMP(BPF_JMP | (test) | BPF_K, value, 0, 1)

static void enter(const char *call, unsigned answer)
{
	bool map = !strcmp(call, "mmap"), advise = !strcmp(call, "madvise");
	unsigned number = map                           ? SYS_mmap
	                  : advise                      ? SYS_madvise
	                  : !strcmp(call, "membarrier") ? SYS_membarrier
	                                                : SYS_mincore;
	struct sock_filter filter[] = {
	        LOAD(nr),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 1, 0),
	        ALLOW,
	        LOAD(args[map ? 3 : 2]),
	        /* mmap: no flag from 0x100000 on */
	        BPF_JUMP(BPF_JMP | (map ? BPF_JSET : BPF_JA) | BPF_K, map ? 0xfff00000 : 0, 1, 0),
	        map ? (struct sock_filter)ALLOW
	            : (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 0, 0, 0),
	        IF(BPF_JEQ, advise ? MADV_DONTNEED : 0xfffffff0),
	        ALLOW,
	        IF(BPF_JEQ, advise ? MADV_FREE : 0xfffffff0),
	        ALLOW,
	        BPF_STMT(BPF_RET | BPF_K, answer),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};
	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program));
}

static int started[2];

static void *wait_for_ever(void *unused)
{
	for (size_t i = 0; i < 3000; i++)
		free(OPAQUE(malloc(i)));
	if (write(started[1], "", 1) != 1)
		abort();
	pause();
	return unused;
}

int main(int argc, char **argv)
{
	static char *blocks[BLOCKS];
	pthread_t thread;
	char byte;
	require_hakmem();
	if (argc != 3)
		return 2;
	CHECK(!pipe(started) && !pthread_create(&thread, NULL, wait_for_ever, NULL));
	CHECK(read(started[0], &byte, 1) == 1);
	bool kill = !strcmp(argv[2], "kill");
	enter(argv[1], kill ? SECCOMP_RET_KILL_PROCESS
	                    : SECCOMP_RET_ERRNO | (unsigned)strtoul(argv[2], NULL, 10));
	size_t got = 0;
	for (; got < BLOCKS && (blocks[got] = malloc(1000)); got++)
		memset(blocks[got], 1, 1000);
	CHECK(got == BLOCKS);
	unsigned seed = 1;
	for (size_t i = 0; i < ROUNDS; i++) { /* long enough for purges */
		size_t k = (seed = seed * 1664525 + 1013904223) / 65536 % IN_USE;
		free(blocks[k]);
		blocks[k] = i % 500 ? malloc(seed % 5000) : calloc(1, seed % 4000000);
		CHECK(blocks[k]);
		if (i % 10000 == 0)
			usleep(100000);
	}
	return checks_result();
}
