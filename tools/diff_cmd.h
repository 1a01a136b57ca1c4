/* SPDX-License-Identifier: MIT */
/* hakprobe diff: what has changed between two profiles. */
#ifndef HAK_DIFF_CMD_H
#define HAK_DIFF_CMD_H

/* argv[0] is "diff". Returns the exit status. */
int diff_main(int argc, char **argv);

#endif
