/* SPDX-License-Identifier: MIT */
/*
 * fork from two threads at a time, while others allocate with a lock of a library held whose fork
 * handlers take that lock, allocate, start threads … (plugin/atfork.c). With an argument the
 * library is loaded by dlopen; otherwise it is linked or preloaded, or there is none.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { FORKING = 2, WORKING = 2, FORKS = 3, BLOCKS = 200, HUNG_AFTER_S = 100 };

extern void plugin_work(unsigned round) __attribute__((weak));

static void (*work)(unsigned round);
static bool mutex_is_free; /* in a child: the library's handlers see to it */
static atomic_bool stop;

static void churn(void)
{
	unsigned char *block[BLOCKS];
	for (int i = 0; i < BLOCKS; i++) {
		block[i] = malloc(1 + (size_t)i * i % 70000);
		block[i][0] = (unsigned char)i;
	}
	for (int i = 0; i < BLOCKS; i++) {
		if (block[i][0] != (unsigned char)i)
			abort();
		free(block[i]);
	}
}

static void *busy(void *unused)
{
	for (unsigned round = 0; !stop; round++) {
		churn();
		if (work)
			work(round);
	}
	return unused;
}

static void *churn_once(void *unused)
{
	churn();
	return unused;
}

static int child(void)
{
	pthread_t thread;
	alarm(HUNG_AFTER_S);
	churn();
	if (work && mutex_is_free)
		work(1);
	if (pthread_create(&thread, NULL, churn_once, NULL))
		return 2;
	pthread_join(thread, NULL);
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	int status = -1;
	waitpid(pid, &status, 0);
	return status ? 3 : 0;
}

static void *forks(void *unused)
{
	for (int i = 0; i < FORKS; i++) {
		int status = -1;
		pid_t pid = fork();
		if (pid == 0)
			_exit(child());
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
		churn();
	}
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t forking[FORKING], working[WORKING];
	require_hakmem();
	alarm(HUNG_AFTER_S); /* SIGALRM ends a process that hangs */
	const char *handlers = getenv("FORK_HANDLERS");
	mutex_is_free = handlers && !strcmp(handlers, "mutex");
	work = plugin_work;
	if (argc > 1) {
		void *library = dlopen(argv[1], RTLD_NOW);
		CHECK(library != NULL);
		*(void **)&work = library ? dlsym(library, "plugin_work") : NULL;
	}
	CHECK(!handlers || work);
	forks(NULL); /* of one thread */
	for (int i = 0; i < WORKING; i++)
		CHECK(!pthread_create(&working[i], NULL, busy, NULL));
	for (int i = 0; i < FORKING; i++)
		CHECK(!pthread_create(&forking[i], NULL, forks, NULL));
	for (int i = 0; i < FORKING; i++)
		pthread_join(forking[i], NULL);
	stop = true;
	for (int i = 0; i < WORKING; i++)
		pthread_join(working[i], NULL);
	return checks_result();
}
