/* SPDX-License-Identifier: MIT */
/*
 * manners_target threads N | short N | fork N: waits for a line on stdin, then works, says "done"
 * and waits for stdin's end. threads  N threads at the same time, BLOCKS mallocs and frees of SIZE
 * bytes each short    the same, one thread after the other, in eights fork     N children that do
 * it, and then the process itself Nothing else allocates blocks of SIZE bytes.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCKS = 100, SIZE = 1872, TOGETHER = 8, STACK = 64 << 10 };

static pthread_barrier_t meeting;

static void churn(void)
{
	void *blocks[BLOCKS];

	for (int i = 0; i < BLOCKS; i++) {
		blocks[i] = malloc(SIZE);
		if (!blocks[i])
			abort();
		memset(blocks[i], i, SIZE);
	}
	for (int i = 0; i < BLOCKS; i++) {
		if (((char *)blocks[i])[SIZE - 1] != (char)i)
			abort();
		free(blocks[i]);
	}
}

static void *work(void *argument)
{
	churn();
	if (argument)
		pthread_barrier_wait(&meeting);
	return NULL;
}

/* `together` threads at a time; they meet when `meets`. */
static void run_threads(unsigned count, unsigned together, int meets)
{
	pthread_t *threads = calloc(together, sizeof(*threads));
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	pthread_barrier_init(&meeting, NULL, together);
	for (unsigned done = 0; done < count; done += together) {
		for (unsigned i = 0; i < together; i++) {
			if (pthread_create(&threads[i], &attributes, work, meets ? threads : NULL))
				abort();
		}
		for (unsigned i = 0; i < together; i++)
			pthread_join(threads[i], NULL);
	}
	free(threads);
}

static void run_children(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		int status;
		pid_t child = fork();

		if (!child) {
			churn();
			_exit(0);
		}
		if (waitpid(child, &status, 0) != child || status)
			abort();
	}
	churn();
}

static void wait_for_line(void)
{
	char byte;

	while (read(0, &byte, 1) == 1 && byte != '\n')
		;
}

int main(int argc, char **argv)
{
	unsigned count = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;

	if (!count)
		return 2;
	wait_for_line();
	if (!strcmp(argv[1], "threads"))
		run_threads(count, count, 1);
	else if (!strcmp(argv[1], "short"))
		run_threads(count, TOGETHER, 0);
	else
		run_children(count);
	if (write(1, "done\n", 5) != 5)
		abort();
	wait_for_line();
	return 0;
}
