/* SPDX-License-Identifier: MIT */
#include "tools/cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/say.h"

enum { EXIT_USAGE = 2 };

/*
 * argp answers these itself, but not where it is told to keep quiet about errors. What follows -c
 * is another program's.
 */
static bool asks_for_help(int argc, char **argv)
{
	static const char *const words[] = {"--help", "-?", "--usage", "--version", "-V"};

	for (int i = 1; i < argc && strncmp(argv[i], "-c", 2) != 0; i++) {
		for (size_t j = 0; j < sizeof(words) / sizeof(*words); j++) {
			if (!strcmp(argv[i], words[j]))
				return true;
		}
	}
	return false;
}

void cli__parse(const struct argp *parser, unsigned flags, int argc, char **argv, void *input)
{
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(parser, argc, argv, flags | (asks_for_help(argc, argv) ? 0 : ARGP_NO_ERRS), NULL,
	           input);
}

void cli__usage_error(const char *what, const char *value, const char *remedy)
{
	say("%s%s%s: %s", what, value ? " " : "", value ? value : "", remedy);
	exit(EXIT_USAGE);
}
