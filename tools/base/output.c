/* SPDX-License-Identifier: MIT */
#include "tools/base/output.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/text.h"

enum { CHARACTER = 4, WIDEST = 4, PIECE = 1024 };

struct output {
	int fd;
	/* The beginning of a character whose end has not come yet. */
	unsigned char begun[CHARACTER];
	size_t begun_bytes;
};

static FILE *terminal;

/* --- bytes ----------------------------------------------------------------------------------- */

static int write_all(int fd, const char *bytes, size_t count)
{
	while (count) {
		ssize_t done = write(fd, bytes, count);

		if (done < 0 && errno != EINTR)
			return -1;
		bytes += done > 0 ? done : 0;
		count -= done > 0 ? (size_t)done : 0;
	}
	return 0;
}

static size_t wanted_by(unsigned char lead)
{
	return lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
}

/* Whether `count` bytes may be the beginning of a longer character. */
static bool is_begun(const unsigned char *bytes, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (bytes[i] >> 6 != 2)
			return false;
	}
	return count < wanted_by(bytes[0]);
}

/* Puts what stands for the character, or the byte, at `bytes` to `out`; how many were used. */
static size_t put(const unsigned char *bytes, char *out, size_t *used)
{
	size_t length = text__character(bytes);

	if (*bytes == '\n' || *bytes == '\t')
		length = 1;
	if (length) {
		memcpy(out + *used, bytes, length);
		*used += length;
		return length;
	}
	if (*bytes < ' ')
		*used += (size_t)sprintf(out + *used, "\\x%02x", *bytes);
	else
		*used += (size_t)sprintf(out + *used, "\xef\xbf\xbd");
	return 1;
}

/* `bytes` have a zero behind them, which ends every character. */
static int write_clean(struct output *output, const unsigned char *bytes, size_t count)
{
	char clean[WIDEST * PIECE + 8];
	size_t used = 0;

	while (count) {
		size_t taken;

		if (is_begun(bytes, count)) {
			memcpy(output->begun, bytes, count);
			output->begun_bytes = count;
			break;
		}
		taken = put(bytes, clean, &used);
		bytes += taken;
		count -= taken;
	}
	return write_all(output->fd, clean, used);
}

/* --- streams --------------------------------------------------------------------------------- */

static ssize_t write_stream(void *context, const char *bytes, size_t count)
{
	unsigned char piece[PIECE + 1];
	struct output *output = context;
	size_t left = count;

	while (left) {
		size_t kept = output->begun_bytes;
		size_t step = left < PIECE - kept ? left : PIECE - kept;

		memcpy(piece, output->begun, kept);
		memcpy(piece + kept, bytes, step);
		piece[kept + step] = '\0';
		output->begun_bytes = 0;
		if (write_clean(output, piece, kept + step))
			return 0; /* which says that it has failed; errno tells why */
		bytes += step;
		left -= step;
	}
	return (ssize_t)count;
}

static int close_stream(void *context)
{
	struct output *output = context;

	/* A character that has no end. */
	if (output->begun_bytes)
		(void)write_all(output->fd, "\xef\xbf\xbd", 3);
	free(output);
	return 0;
}

FILE *output__open(int fd)
{
	const cookie_io_functions_t functions = {.write = write_stream, .close = close_stream};
	struct output *output = calloc(1, sizeof(*output));
	FILE *stream;

	if (!output)
		return NULL;
	output->fd = fd;
	stream = fopencookie(output, "w", functions);
	if (!stream)
		free(output);
	return stream;
}

void output__guard(void)
{
	FILE *out = output__open(STDOUT_FILENO), *err = output__open(STDERR_FILENO);

	terminal = stdout;
	if (out) {
		if (isatty(STDOUT_FILENO))
			setvbuf(out, NULL, _IOLBF, BUFSIZ);
		stdout = out;
	}
	if (err) {
		setvbuf(err, NULL, _IOLBF, BUFSIZ);
		stderr = err;
	}
}

FILE *output__terminal(void)
{
	return terminal ? terminal : stdout;
}
