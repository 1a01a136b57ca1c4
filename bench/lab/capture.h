/* SPDX-License-Identifier: MIT */
/* Runs a program to its end and keeps what it wrote. */
#ifndef BENCH_CAPTURE_H
#define BENCH_CAPTURE_H

#include <stdbool.h>
#include <sys/resource.h>

struct capture {
	int status;         /* of waitpid() */
	char *out, *errors; /* stdout and stderr, ended by a NUL; freed by capture_free() */
	double wall_ns;
	struct rusage usage; /* descendants that were waited for included */
};

/* False when the program could not be started (`errno`). stdin is /dev/null. */
bool capture_run(char *const *arguments, char *const *environment, struct capture *capture);
void capture_free(struct capture *capture);

/* True when it exited with status 0. */
bool capture_succeeded(const struct capture *capture);

#endif
