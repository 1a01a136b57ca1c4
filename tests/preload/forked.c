/* SPDX-License-Identifier: MIT */
/*
 * fork while other threads are in the middle of malloc and free: the child must be able to
 * allocate, free what the parent had, start threads, and fork again.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { THREADS = 3, FORKS = 150, BLOCKS = 200, HUNG_AFTER_S = 20 };

static atomic_bool stop;

static void churn(unsigned rounds)
{
	unsigned char *block[BLOCKS] = {0};
	for (unsigned i = 0; i < rounds; i++) {
		unsigned slot = i * 7919u % BLOCKS;
		size_t size = i % 211 == 0 ? 100000 + i % 50000 : 1 + i * 2654435761u % 2000;
		free(block[slot]);
		block[slot] = malloc(size);
		memset(block[slot], (int)i, size < 64 ? size : 64);
	}
	for (int i = 0; i < BLOCKS; i++)
		free(block[i]);
}

static void *busy(void *unused)
{
	while (!stop)
		churn(2000);
	return unused;
}

static void *churn_once(void *unused)
{
	churn(3000);
	return unused;
}

static int child(unsigned char **inherited)
{
	pthread_t thread;
	alarm(HUNG_AFTER_S); /* a lock that nobody holds any more would hang the child */
	for (int i = 0; i < BLOCKS; i++) {
		if (inherited[i][0] != (unsigned char)i)
			return 2;
		free(inherited[i]);
	}
	churn(3000);
	if (pthread_create(&thread, NULL, churn_once, NULL))
		return 3;
	pthread_join(thread, NULL);
	pid_t grandchild = fork();
	if (grandchild == 0) {
		churn(1000);
		_exit(0);
	}
	int status;
	waitpid(grandchild, &status, 0);
	return status == 0 ? 0 : 4;
}

int main(void)
{
	pthread_t threads[THREADS];
	unsigned char *inherited[BLOCKS];
	require_hakmem();
	for (int i = 0; i < BLOCKS; i++) {
		inherited[i] = malloc(1 + (size_t)i * 37);
		inherited[i][0] = (unsigned char)i;
	}
	for (int i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&threads[i], NULL, busy, NULL));
	for (int i = 0; i < FORKS; i++) {
		int status = -1;
		pid_t pid = fork();
		if (pid == 0)
			_exit(child(inherited));
		CHECK(pid > 0);
		CHECK(waitpid(pid, &status, 0) == pid);
		if (status)
			fprintf(stderr, "child %d: status 0x%x\n", i, status);
		CHECK(status == 0);
	}
	stop = true;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return checks_result();
}
