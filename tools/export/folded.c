/* SPDX-License-Identifier: MIT */
/* Folded stacks, a line each: what Brendan Gregg's scripts and most viewers read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/export/export.h"

/* The names from the outermost frame to the one that is visited, joined with ';'. */
struct line {
	FILE *out;
	char *text;
	size_t capacity;
	size_t *ends; /* length of the text with the frame of that depth */
	size_t depths;
};

/* Room for `bytes` of text and for a frame at `depth`. */
static int reserve(struct line *line, size_t bytes, size_t depth)
{
	if (bytes > line->capacity) {
		char *text = realloc(line->text, 2 * bytes);
		if (!text)
			return -ENOMEM;
		line->text = text;
		line->capacity = 2 * bytes;
	}
	if (depth >= line->depths) {
		size_t *ends = reallocarray(line->ends, 2 * depth + 16, sizeof(*ends));
		if (!ends)
			return -ENOMEM;
		line->ends = ends;
		line->depths = 2 * depth + 16;
	}
	return 0;
}

static int print_frame(const struct profile_frame *frame, void *arg)
{
	struct line *line = arg;
	size_t used = frame->depth ? line->ends[frame->depth - 1] : 0;
	size_t length = strlen(frame->name);
	if (reserve(line, used + 1 + length, frame->depth))
		return -ENOMEM;
	if (used)
		line->text[used++] = ';';
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)frame->name[i];
		line->text[used++] = (char)(c == ';' ? ':' : c < ' ' || c == 127 ? ' ' : c);
	}
	line->ends[frame->depth] = used;
	if (frame->self_count || frame->self_weight != 0)
		fprintf(line->out, "%.*s %.0f\n", (int)used, line->text, frame->self_weight);
	return ferror(line->out) ? -EIO : PROFILE_INTO;
}

int export_folded(const struct profile *profile, FILE *out)
{
	struct line line = {.out = out};
	int err = profile__walk(profile, print_frame, &line);
	free(line.text);
	free(line.ends);
	return err;
}
