/* SPDX-License-Identifier: MIT */
/*
 * fork while other threads are in the middle of malloc and free: the child must be able to
 * allocate, free what the parent had, start threads, and fork again. And fork from a signal handler
 * that has interrupted malloc, and while threads use stdio.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { THREADS = 3, FORKS = 150, STDIO_FORKS = 50, BLOCKS = 200, HUNG_AFTER_S = 100 };

static atomic_bool stop;
static volatile sig_atomic_t forks_in_handler;

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

static void fork_in_handler(int signal)
{
	pid_t pid = fork();
	(void)signal;
	if (pid == 0)
		_exit(0);
	forks_in_handler += waitpid(pid, NULL, 0) == pid;
}

/* One thread: the handler may interrupt any instruction of malloc, also with a lock held. */
static void fork_from_signal_handler(void)
{
	struct itimerval often = {{0, 700}, {0, 700}}, never = {0};
	alarm(HUNG_AFTER_S);
	CHECK(signal(SIGVTALRM, fork_in_handler) != SIG_ERR);
	setitimer(ITIMER_VIRTUAL, &often, NULL);
	while (forks_in_handler < 60) {
		for (int i = 0; i < 200; i++)
			free(malloc(100000)); /* each a cold visit, under locks */
		churn(1000);
	}
	setitimer(ITIMER_VIRTUAL, &never, NULL);
	alarm(0);
}

static void *read_lines(void *path)
{
	FILE *file = fopen(path, "r");
	while (file && !stop) {
		char *line = NULL;
		size_t size = 0;
		rewind(file);
		CHECK(getline(&line, &size, file) > 0); /* mallocs with the file locked */
		free(line);
	}
	if (file)
		fclose(file);
	return NULL;
}

static void *flush_all(void *unused)
{
	while (!stop) {
		fflush(NULL); /* locks the files, with their list locked */
		usleep(50);   /* these locks are not fair */
	}
	return unused;
}

/* fork takes stdio's locks after it has called our handlers, which have taken ours. */
static void fork_amid_stdio(void)
{
	pthread_t readers[THREADS], flusher;
	char path[] = "/tmp/hakmem-forked-XXXXXX";
	int fd = mkstemp(path);
	static char line[70000];
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	CHECK(fd >= 0 && write(fd, line, sizeof(line)) == (ssize_t)sizeof(line));
	close(fd);
	alarm(HUNG_AFTER_S);
	for (int i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&readers[i], NULL, read_lines, path));
	CHECK(!pthread_create(&flusher, NULL, flush_all, NULL));
	for (int i = 0; i < STDIO_FORKS; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(fflush(NULL) == 0 ? 0 : 1);
		int status = -1;
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	alarm(0);
	stop = true;
	for (int i = 0; i < THREADS; i++)
		pthread_join(readers[i], NULL);
	pthread_join(flusher, NULL);
	stop = false;
	unlink(path);
}

int main(void)
{
	pthread_t threads[THREADS];
	unsigned char *inherited[BLOCKS];
	require_hakmem();
	fork_from_signal_handler();
	fork_amid_stdio();
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
