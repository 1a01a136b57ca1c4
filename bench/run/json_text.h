/* SPDX-License-Identifier: MIT */
/* JSON on stdout, for the measured process: printf and nothing that allocates for itself. */
#ifndef BENCH_JSON_TEXT_H
#define BENCH_JSON_TEXT_H

#include <stdio.h>

/* Quoted and escaped; control characters, which paths do not have, are left out. */
static inline void json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		if ((unsigned char)*text >= ' ')
			putchar(*text);
	}
	putchar('"');
}

#endif
