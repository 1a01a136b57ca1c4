/* SPDX-License-Identifier: MIT */
/* What hakprobe's commands have in common: their shape, and how their arguments are read. */
#ifndef HAK_CLI_H
#define HAK_CLI_H

#include <argp.h>
#include <stdbool.h>

/* `hakprobe NAME …`; the table of them is in hakprobe.c. */
struct cli_command {
	const char *name;                  /* "": what is done when no other is named */
	int (*run)(int argc, char **argv); /* argv[0] is the name; the exit status */
	const char *summary;
	bool privileged; /* loads BPF programs, reads other processes */
};

/* For ARGP_KEY_ERROR. */
#define CLI_UNKNOWN_OPTION "it is not known, or its argument is missing (--help lists the options)"

/*
 * argp_parse() for parsers that tell what is wrong themselves, ARGP_KEY_ERROR too, in one line by
 * cli__usage_error(). `flags` are argp's.
 */
void cli__parse(const struct argp *parser, unsigned flags, int argc, char **argv, void *input);

/* Says "WHAT VALUE: REMEDY" (`value` may be NULL) and ends the program with status 2. */
void cli__usage_error(const char *what, const char *value, const char *remedy)
        __attribute__((noreturn));

#endif
