/* SPDX-License-Identifier: MIT */
/* hakprobe report FILE…: what raw captures hold, as a table or as flame graphs. */
#ifndef HAK_CLI_REPORT_H
#define HAK_CLI_REPORT_H

/* `argv[0]` is the subcommand's name. Returns the exit status. */
int report_main(int argc, char **argv);

#endif
