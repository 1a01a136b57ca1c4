/* SPDX-License-Identifier: MIT */
/*
 * What goes to a terminal or a log: stdout and stderr, of this program and of the libraries that it
 * uses. Whatever is printed there, control characters and what is no UTF-8 do not get out.
 */
#ifndef HAK_OUTPUT_H
#define HAK_OUTPUT_H

#include <stdio.h>

/* From now on stdout and stderr are such; without memory for that they are left as they are. Line
 * feeds and tabs pass; other control characters come out as \xNN, bytes of no character as U+FFFD.
 */
void output__guard(void);

/* A stream that writes to `fd` so; NULL when out of memory. */
FILE *output__open(int fd);

/* The real stdout, for what draws on the terminal and makes control characters itself. */
FILE *output__terminal(void);

#endif
