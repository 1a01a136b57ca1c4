/* SPDX-License-Identifier: MIT */
/* hakprobe diff: what has changed between two profiles. */
#ifndef HAK_CLI_DIFF_H
#define HAK_CLI_DIFF_H

/* argv[0] is "diff". Returns the exit status. */
int diff_main(int argc, char **argv);

#endif
