/* SPDX-License-Identifier: MIT */
/* Floor 2: lines on stderr without allocating. */
#ifndef HAK_LOG_H
#define HAK_LOG_H

#include "base.h"

/* A line under construction; cut off silently at its end, which no message of ours reaches. */
struct log_line {
	size_t used;
	char text[1000];
};

void log_text(struct log_line *line, const char *text);
void log_number(struct log_line *line, uint64_t number);
void log_hex(struct log_line *line, uint64_t number); /* with 0x */
void log_write(struct log_line *line);                /* appends the newline */

/* One line, "hakmem: TEXT". */
void log_message(const char *text);

/* The same, then abort(). */
_Noreturn void log_fatal(const char *text);

#endif
