/* SPDX-License-Identifier: MIT */
/*
 * Threads of which the kernel does not say that they end, or that others run in the place of.
 *   list, filter, many   A thread vanishes (bare system call) whose list of robust mutexes the
 *                        kernel does not have, or does not walk to the end. Its stack is used for
 *                        something else: nobody may write there any more.
 *   vfork                A thread's first block is had by a child of vfork. The thread lives on.
 *   kill                 The process dies of process_vm_readv, a call of debuggers, from now on.
 *   killed               The same, since before the program began.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { STACK = 256 * 1024, BLOCKS = 300, LIST_LIMIT = 2048, FILL = 0x11, TRIMS = 3, WORK_MS = 300 };

static const char *mode;
static pthread_mutex_t mutexes[LIST_LIMIT + 1];

static bool mode_is(const char *name)
{
	return !strcmp(mode, name);
}

static void refuse(unsigned call, unsigned action)
{
	struct sock_filter filter[] = {
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
	        BPF_STMT(BPF_RET | BPF_K, action),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		puts("no filters of system calls here");
		exit(77);
	}
}

static void churn(size_t size)
{
	char *blocks[BLOCKS];
	for (int i = 0; i < BLOCKS; i++) {
		blocks[i] = malloc(size);
		memset(blocks[i], i, size);
	}
	for (int i = 0; i < BLOCKS; i++) {
		CHECK(blocks[i][0] == (char)i && blocks[i][size - 1] == (char)i);
		free(blocks[i]);
	}
}

/* --- threads that vanish ---------------------------------------------------------------------- */

static void hold_many(void)
{
	pthread_mutexattr_t robust;
	pthread_mutexattr_init(&robust);
	pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
	for (int i = 0; i <= LIST_LIMIT; i++) {
		pthread_mutex_init(&mutexes[i], &robust);
		pthread_mutex_lock(&mutexes[i]);
	}
}

static void *use_and_vanish(void *unused)
{
	static struct robust_list_head list = {.list.next = &list.list};
	churn(200);
	if (mode_is("list"))
		syscall(SYS_set_robust_list, &list, sizeof(list));
	if (mode_is("many"))
		hold_many();
	syscall(SYS_exit, 0);
	return unused;
}

static void vanish(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	size_t changed = 0;
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	free(malloc(1));
	if (mode_is("filter"))
		refuse(SYS_set_robust_list, SECCOMP_RET_ERRNO | EPERM);
	pthread_attr_init(&attributes);
	pthread_attr_setstack(&attributes, stack, STACK);
	CHECK(!pthread_create(&thread, &attributes, use_and_vanish, NULL));
	pthread_join(thread, NULL);
	memset(stack, FILL, STACK);
	for (int i = 0; i < TRIMS; i++)
		malloc_trim(0);
	CHECK(mallinfo2().arena > 0);
	for (int i = 0; i < STACK; i++)
		changed += stack[i] != FILL;
	CHECK(!changed);
}

/* --- a thread that a child of vfork is in the place of ---------------------------------------- */

static void work(void)
{
	struct timespec from, now;
	clock_gettime(CLOCK_MONOTONIC, &from);
	do {
		churn(40);
		churn(3000);
		malloc_trim(0);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - from.tv_sec) * 1000 + (now.tv_nsec - from.tv_nsec) / 1000000 <
	         WORK_MS);
}

static void *begin_in_a_child(void *unused)
{
	int status = -1;
	pid_t child = vfork();
	if (!child) {
		free(malloc(24));
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child && !status);
	work();
	return unused;
}

/* --- filters that kill ------------------------------------------------------------------------ */

static pthread_barrier_t barrier;

static void *use_and_wait(void *unused)
{
	churn(200);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return unused;
}

static void beside_one_that_waits(void)
{
	pthread_t thread;
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, use_and_wait, NULL);
	pthread_barrier_wait(&barrier);
	work();
	CHECK(mallinfo2().arena > 0);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
}

/* The stock of a thread that has vanished is looked for by that very call. */
static void after_one_that_vanished(void)
{
	pthread_t thread;
	pthread_create(&thread, NULL, use_and_vanish, NULL);
	pthread_join(thread, NULL);
	work();
}

int main(int argc, char **argv)
{
	mode = argc > 1 ? argv[1] : "list";
	require_hakmem();
	if (mode_is("kill") || mode_is("killed"))
		refuse(SYS_process_vm_readv, SECCOMP_RET_KILL_PROCESS);
	if (mode_is("killed"))
		return execl("/proc/self/exe", argv[0], "since", (char *)NULL);
	if (mode_is("kill") || mode_is("since"))
		beside_one_that_waits();
	else if (!mode_is("vfork"))
		vanish();
	if (mode_is("since"))
		after_one_that_vanished();
	if (mode_is("vfork")) {
		pthread_t thread;
		pthread_create(&thread, NULL, begin_in_a_child, NULL);
		pthread_join(thread, NULL);
	}
	return checks_result();
}
