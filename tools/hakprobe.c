/* SPDX-License-Identifier: MIT */
/* hakprobe: shows what libhakmem does inside a running process. docs/hakprobe.md is the manual. */
#include <stdlib.h>
#include <string.h>

#include "tools/attach/attach.h"
#include "tools/base/interrupt.h"
#include "tools/base/offline.h"
#include "tools/base/output.h"
#include "tools/base/say.h"
#include "tools/cli/cli.h"
#include "tools/cli/command.h"
#include "tools/cli/diff.h"
#include "tools/cli/doctor.h"
#include "tools/cli/parse.h"
#include "tools/cli/report.h"
#include "tools/watch/watch.h"

/* Watches the processes of the options; once attached to, `command` (may be NULL) is let go. */
static int watch(const struct options *options, struct command *command, int *signal)
{
	struct watch *watch = watch__new(options);
	int err;

	if (!watch) {
		say("out of memory");
		return -1;
	}
	err = watch__begin(watch);
	if (!err && command)
		command__resume(command);
	if (!err)
		err = watch__run(watch);
	*signal = interrupt__signal();
	watch__free(watch);
	interrupt__at_rest();
	return err;
}

/* The status to exit with: the program's own, whatever became of the watching. */
static int run(struct options *options)
{
	struct command *command;
	int signal = 0, status = EXIT_FAILURE;

	if (!command__start(&command, options)) {
		options->pids[options->pid_count++] = command__pid(command);
		if (command__has_ended(command) || !watch(options, command, &signal))
			status = command__finish(command, signal);
	}
	command__free(command);
	return status;
}

static int watch_main(int argc, char **argv);

static const struct cli_command commands[] = {
        {"", watch_main, "watches processes", true},
        {"doctor", doctor_main, "what the kernel, our privileges and a process allow", false},
        {"report", report_main, "what raw captures hold, as a table or flame graphs", false},
        {"diff", diff_main, "what has changed between two profiles", false},
        {0},
};

static int watch_main(int argc, char **argv)
{
	struct options options;
	int signal, status;

	options__parse(&options, commands, argc, argv);
	attach__set_verbose(options.verbose);
	if (options.command)
		status = run(&options);
	else
		status = watch(&options, NULL, &signal) ? EXIT_FAILURE : EXIT_SUCCESS;
	outputs__clear(&options.outputs);
	return status;
}

int main(int argc, char **argv)
{
	output__guard();
	offline__restore();
	for (const struct cli_command *command = commands + 1; argc > 1 && command->name; command++)
		if (!strcmp(argv[1], command->name))
			return command->run(argc - 1, argv + 1);
	return commands->run(argc, argv);
}
