/* SPDX-License-Identifier: MIT */
#include "bench/lab/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/workloads/bench.h"

static char *text_of(int fd)
{
	struct stat stat;
	if (fstat(fd, &stat))
		bench_fail("fstat");
	size_t length = (size_t)stat.st_size, done = 0;
	char *text = malloc(length + 1);
	while (text && done < length) {
		ssize_t got = pread(fd, text + done, length - done, (off_t)done);
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	if (!text)
		bench_fail("malloc");
	text[done] = '\0';
	return text;
}

/* Into files in memory: a pipe could fill up. */
bool capture_run(char *const *arguments, char *const *environment, struct capture *capture)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int out = memfd_create("stdout", MFD_CLOEXEC), errors = memfd_create("stderr", MFD_CLOEXEC);
	if (out < 0 || errors < 0)
		bench_fail("memfd_create");
	*capture = (struct capture){0};
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
	uint64_t start = bench_now_ns();
	int err = posix_spawnp(&pid, arguments[0], &actions, NULL, arguments, environment);
	posix_spawn_file_actions_destroy(&actions);
	if (!err) {
		while (wait4(pid, &capture->status, 0, &capture->usage) < 0 && errno == EINTR)
			;
		capture->wall_ns = (double)(bench_now_ns() - start);
		capture->out = text_of(out);
		capture->errors = text_of(errors);
	}
	close(out);
	close(errors);
	errno = err;
	return !err;
}

void capture_free(struct capture *capture)
{
	free(capture->out);
	free(capture->errors);
	capture->out = capture->errors = NULL;
}

bool capture_succeeded(const struct capture *capture)
{
	return WIFEXITED(capture->status) && WEXITSTATUS(capture->status) == 0;
}
