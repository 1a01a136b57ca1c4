/* SPDX-License-Identifier: MIT */
/*
 * A library that forks when the process ends, while threads of the program allocate: after the
 * destructors of libraries that were preloaded.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FORKS = 40, BLOCKS = 1000, HUNG_AFTER_S = 20 };

void late(void);
void late(void)
{
}

static void use(void)
{
	for (size_t i = 0; i < BLOCKS; i++)
		free(realloc(malloc(1 + i * 7 % 9000), 1 + i * 11 % 70000));
}

__attribute__((destructor)) static void fork_late(void)
{
	for (int i = 0; i < FORKS; i++) {
		int status = -1;
		pid_t child = fork();
		if (!child) {
			alarm(HUNG_AFTER_S);
			use();
			_exit(0);
		}
		if (waitpid(child, &status, 0) != child || status) {
			fprintf(stderr, "child %d ended with status %#x\n", i, (unsigned)status);
			_exit(1);
		}
	}
	_exit(0); /* so that nobody else has the last word */
}
