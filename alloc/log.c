/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <stdlib.h>

#include "os.h"

void log_text(struct log_line *line, const char *text)
{
	while (*text && line->used < sizeof(line->text) - 1)
		line->text[line->used++] = *text++;
}

static void log_digits(struct log_line *line, uint64_t number, unsigned base)
{
	char digits[21];
	unsigned n = sizeof(digits) - 1;
	digits[n] = 0;
	do {
		digits[--n] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	log_text(line, digits + n);
}

void log_number(struct log_line *line, uint64_t number)
{
	log_digits(line, number, 10);
}

void log_hex(struct log_line *line, uint64_t number)
{
	log_text(line, "0x");
	log_digits(line, number, 16);
}

void log_write(struct log_line *line)
{
	line->text[line->used++] = '\n';
	os_write_stderr(line->text, line->used);
	line->used = 0;
}

void log_message(const char *text)
{
	struct log_line line = {.used = 0};
	log_text(&line, "hakmem: ");
	log_text(&line, text);
	log_write(&line);
}

_Noreturn void log_fatal(const char *text)
{
	log_message(text);
	abort();
}
