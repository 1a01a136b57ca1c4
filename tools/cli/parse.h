/* SPDX-License-Identifier: MIT */
/* hakprobe's command line. */
#ifndef HAK_PARSE_H
#define HAK_PARSE_H

#include "tools/cli/cli.h"
#include "tools/watch/options.h"

/*
 * Parses; a usage error ends the program with status 2 and one line on stderr. --help lists the
 * commands, the first of which is this one (NULL: none are listed).
 */
void options__parse(struct options *options, const struct cli_command *commands, int argc,
                    char **argv);

#endif
