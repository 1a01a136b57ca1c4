/* SPDX-License-Identifier: MIT */
#include "tools/cli/command.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/counters.h"
#include "hold.skel.h"
#include "tools/attach/attach.h"
#include "tools/attach/uprobe.h"
#include "tools/base/say.h"
#include "tools/target/object.h"

enum { POLL_US = 2000, PATIENCE = 1000, EXIT_NOT_FOUND = 127 };

struct command {
	pid_t pid;
	char library[PATH_MAX];
	int gate;   /* closing it lets the child exec */
	int failed; /* reads the errno of an exec that failed */
	struct hold_bpf *bpf;
	struct uprobe *probe;
	bool held;
	bool ended;
	int status; /* of waitpid(), once it has ended */
};

/* --- the library ----------------------------------------------------------------------------- */

/* Next to hakprobe (a build), or in the lib directory of its prefix. */
static int find_library(struct command *command, const char *given)
{
	static const char *const places[] = {"libhakmem.so.1", "../lib/libhakmem.so.1"};
	char self[PATH_MAX], path[PATH_MAX + 32];
	ssize_t length;

	if (given) {
		if (realpath(given, command->library))
			return 0;
		say("--library %s: %s", given, strerror(errno));
		return -errno;
	}
	length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length < 0)
		return -errno;
	self[length] = '\0';
	strrchr(self, '/')[1] = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(path, sizeof(path), "%s%s", self, places[i]);
		if (realpath(path, command->library))
			return 0;
	}
	say("-c: no libhakmem.so.1 in %s or %s../lib: name it with --library FILE", self, self);
	return -ENOENT;
}

/* --- the child ------------------------------------------------------------------------------- */

__attribute__((noreturn)) static void become(const struct command *command, char **argv, int gate,
                                             int failed)
{
	const char *others = getenv("LD_PRELOAD");
	char preload[2 * PATH_MAX], byte;
	int err;

	/* Ends when the parent opens the gate; with the parent itself, too. */
	if (read(gate, &byte, 1) != 1)
		_exit(EXIT_NOT_FOUND);
	snprintf(preload, sizeof(preload), "%s%s%s", command->library, others ? ":" : "",
	         others ? others : "");
	setenv("LD_PRELOAD", preload, 1);
	execvp(argv[0], argv);
	err = errno;
	if (write(failed, &err, sizeof(err)) != sizeof(err))
		_exit(EXIT_NOT_FOUND);
	_exit(EXIT_NOT_FOUND);
}

static int fork_child(struct command *command, char **argv)
{
	int gate[2], failed[2];

	if (pipe2(gate, O_CLOEXEC))
		return -errno;
	if (pipe2(failed, O_CLOEXEC)) {
		close(gate[0]);
		close(gate[1]);
		return -errno;
	}
	fflush(NULL);
	command->pid = fork();
	if (!command->pid) {
		close(gate[1]);
		become(command, argv, gate[0], failed[1]);
	}
	close(gate[0]);
	close(failed[1]);
	command->gate = gate[1];
	command->failed = failed[0];
	return command->pid < 0 ? -errno : 0;
}

/* --- holding it ------------------------------------------------------------------------------ */

static int attach_hold(struct command *command, const struct object_site *site)
{
	struct attach_whom whom;
	int err;

	command->bpf = hold_bpf__open();
	if (!command->bpf)
		return attach__failed("open the hold program", -errno);
	err = attach__whom(&whom, command->pid);
	if (err)
		return attach__failed("find the pid namespace", err);
	attach__aim(command->bpf, &whom);
	uprobe__prepare(command->bpf->progs.on_first);
	err = hold_bpf__load(command->bpf);
	if (err)
		return attach__failed("load the hold program", err);
	/* The library is not mapped yet; the kernel sets the probe when the new program maps it. */
	command->probe = uprobe__attach_sites(command->bpf->progs.on_first, command->pid,
	                                      command->library, site, 1);
	return command->probe ? 0 : attach__failed_uprobe("attach to hakmem:thread_start", -errno);
}

static int prepare_hold(struct command *command)
{
	const struct object_site *site = NULL;
	struct object *object = NULL;
	int err;

	err = object__open(&object, command->library);
	if (!err)
		site = object__site(object, "hakmem", "thread_start");
	if (!site) {
		say("-c: %s is no libhakmem with probes", command->library);
		err = -ENOEXEC;
	} else {
		err = attach_hold(command, site);
	}
	object__free(object);
	return err;
}

static int say_not_run(const struct command *command, const char *name)
{
	int err = 0;

	if (read(command->failed, &err, sizeof(err)) != sizeof(err))
		return 0;
	say("cannot run %s: %s", name, strerror(err));
	return -err;
}

/* Until it stops at its first malloc, or ends. */
static int wait_for_hold(struct command *command, const char *name)
{
	pid_t pid;

	for (long i = 0;; i++) {
		pid = waitpid(command->pid, &command->status, WNOHANG | WUNTRACED);
		if (pid < 0 && errno != EINTR)
			return -errno;
		if (pid > 0)
			break;
		if (i == PATIENCE)
			say("%s has not called malloc under libhakmem yet (is it statically "
			    "linked, or setuid?): waiting",
			    name);
		usleep(POLL_US);
	}
	command->held = WIFSTOPPED(command->status);
	command->ended = !command->held;
	uprobe__detach(command->probe);
	command->probe = NULL;
	return command->ended ? say_not_run(command, name) : 0;
}

int command__start(struct command **result, const struct options *options)
{
	struct command *command = calloc(1, sizeof(*command));
	int err;

	*result = command;
	if (!command)
		return -ENOMEM;
	command->gate = command->failed = -1;
	err = attach__check();
	if (!err)
		err = find_library(command, options->library);
	if (!err)
		err = fork_child(command, options->command);
	if (!err)
		err = prepare_hold(command);
	if (!err && write(command->gate, "", 1) != 1)
		err = -errno;
	if (!err)
		err = wait_for_hold(command, options->command[0]);
	if (!err && command->ended)
		say("%s has ended without a malloc under libhakmem", options->command[0]);
	return err;
}

/* --- afterwards ------------------------------------------------------------------------------ */

pid_t command__pid(const struct command *command)
{
	return command->pid;
}

bool command__has_ended(const struct command *command)
{
	return command->ended;
}

void command__resume(struct command *command)
{
	command->held = false;
	kill(command->pid, SIGCONT);
}

int command__finish(struct command *command, int signal)
{
	if (!command->ended && signal)
		kill(command->pid, signal);
	while (!command->ended) {
		if (waitpid(command->pid, &command->status, 0) == command->pid)
			command->ended = true;
		else if (errno != EINTR)
			return EXIT_FAILURE;
	}
	if (WIFSIGNALED(command->status))
		return 128 + WTERMSIG(command->status);
	return WEXITSTATUS(command->status);
}

void command__free(struct command *command)
{
	if (!command)
		return;
	uprobe__detach(command->probe);
	hold_bpf__destroy(command->bpf);
	if (command->gate >= 0)
		close(command->gate);
	if (command->failed >= 0)
		close(command->failed);
	if (command->held) {
		kill(command->pid, SIGKILL);
		command__finish(command, 0);
	}
	free(command);
}
