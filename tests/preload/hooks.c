/* SPDX-License-Identifier: MIT */
/*
 * A process whose first allocations are made by two threads at once, with plugin/hooks.c or a
 * program's own version of libc's functions in front.
 */
#include <malloc.h>
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { THREADS = 8, HUNG_AFTER_S = 60 };

static pthread_barrier_t together;

static void *allocate(void *unused)
{
	pthread_barrier_wait(&together);
	for (size_t i = 1; i < 300; i++) {
		char *p = calloc(1, i * i), *q;
		CHECK(p && !p[0] && !p[i * i - 1]);
		q = realloc(p, i * 700);
		CHECK(q != NULL);
		free(q);
	}
	free(malloc(3 << 20));
	return unused;
}

int main(void)
{
	pthread_t threads[THREADS];
	struct timespec now;
	int status = -1;
	alarm(HUNG_AFTER_S);
	CHECK(!pthread_barrier_init(&together, NULL, THREADS));
	for (int i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&threads[i], NULL, allocate, NULL));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	require_hakmem();
	CHECK(!clock_gettime(CLOCK_MONOTONIC, &now));
	malloc_trim(0);
	CHECK(mallinfo2().arena > 0 || getenv("HAKMEM_FORCE_LIBC_ALLOC"));
	pid_t pid = fork();
	if (pid == 0)
		_exit(malloc(100) ? 0 : 1);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	return checks_result();
}
