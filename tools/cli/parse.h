/* SPDX-License-Identifier: MIT */
/* hakprobe's command line. */
#ifndef HAK_PARSE_H
#define HAK_PARSE_H

#include "tools/watch/options.h"

/* Parses; a usage error ends the program with status 2 and one line on stderr. */
void options__parse(struct options *options, int argc, char **argv);

#endif
