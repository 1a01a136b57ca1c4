/* SPDX-License-Identifier: MIT */
/*
 * A program that hakprobe runs itself, under libhakmem. It is held at its first malloc, without
 * ptrace: a BPF program on hakmem:thread_start, attached before the exec, stops it there.
 */
#ifndef HAK_COMMAND_H
#define HAK_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "tools/watch/options.h"

struct command;

/*
 * Starts the command of the options and waits until it is held: 0. When it has ended without ever
 * calling malloc under libhakmem, says so: 0 and command__has_ended(). Failures are told on stderr;
 * -errno.
 */
int command__start(struct command **command, const struct options *options);

pid_t command__pid(const struct command *command);
bool command__has_ended(const struct command *command);

/* Lets it run on. */
void command__resume(struct command *command);

/*
 * Passes `signal` on (0: none), waits for its end, and gives the status to exit with: the
 * program's, or 128 + the signal that ended it.
 */
int command__finish(struct command *command, int signal);

/* Accepts NULL; a program that is still held is killed. */
void command__free(struct command *command);

#endif
