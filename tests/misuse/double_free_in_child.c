/* SPDX-License-Identifier: MIT */
/*
 * Double free, the second one in a forked child.
 *
 * default: not noticed
 * secure: double free of ADDRESS (size class 112)
 * SECURE=1: double free of ADDRESS (size class 112)
 */
#include <signal.h>
#include <sys/wait.h>

#include "misuse.h"

static void misuse(void)
{
	char *p = opaque(malloc(BLOCK));
	int status;
	free(p);
	if (fork() == 0) {
		free(opaque(p));
		use(BLOCK);
		_exit(NOT_NOTICED);
	}
	wait(&status);
	if (!WIFSIGNALED(status))
		_exit(WEXITSTATUS(status));
	raise(WTERMSIG(status));
}
