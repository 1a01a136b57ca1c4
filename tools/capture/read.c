/* SPDX-License-Identifier: MIT */
/*
 * A capture comes from elsewhere: nothing in it is believed. Sizes are checked against the file,
 * contents against their checksum, and every number against the table that it points into.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "tools/base/text.h"
#include "tools/capture/capture.h"

enum { FILE_MAX = 512 << 20 };

/* One growing array for each kind of content. */
struct table {
	void *data;
	size_t used, room; /* bytes */
};

struct reader {
	unsigned char *file;
	size_t bytes;
	struct table tables[CAPTURE_END + 1]; /* contents by type, joined */
	bool ended;
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 2, 3))) static int wrong(struct reader *r, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(r->why, r->why_size, format, arguments);
	va_end(arguments);
	return -EBADMSG;
}

static int append(struct table *table, const void *data, size_t bytes)
{
	if (table->room - table->used <= bytes) { /* one byte to spare for a zero */
		size_t room = 2 * table->room + bytes + 64;
		void *grown = realloc(table->data, room);

		if (!grown)
			return -ENOMEM;
		table->data = grown;
		table->room = room;
	}
	memcpy((char *)table->data + table->used, data, bytes);
	table->used += bytes;
	((char *)table->data)[table->used] = '\0';
	return 0;
}

/* --- chunks ---------------------------------------------------------------------------------- */

static int check_header(struct reader *r)
{
	struct capture_header header;

	if (r->bytes < sizeof(header))
		return wrong(r, "is no capture");
	memcpy(&header, r->file, sizeof(header));
	if (memcmp(header.magic, CAPTURE_MAGIC, sizeof(header.magic)) != 0)
		return wrong(r, "is no capture");
	if (header.version != CAPTURE_VERSION)
		return wrong(r, "is a capture of version %u, this hakprobe reads version %d",
		             header.version, CAPTURE_VERSION);
	return 0;
}

static int read_chunks(struct reader *r)
{
	size_t at = sizeof(struct capture_header);
	struct capture_chunk chunk;
	int err = 0;

	while (!err && !r->ended) {
		if (r->bytes - at < sizeof(chunk))
			return wrong(r, "is cut short after %zu bytes", r->bytes);
		memcpy(&chunk, r->file + at, sizeof(chunk));
		at += sizeof(chunk);
		if (chunk.bytes > r->bytes - at)
			return wrong(r, "is cut short after %zu bytes, or corrupt at byte %zu",
			             r->bytes, at - sizeof(chunk));
		if (crc32_z(0, r->file + at, chunk.bytes) != chunk.crc)
			return wrong(r, "is corrupt at byte %zu: the checksum differs", at);
		/* Kinds that are not known are for later versions to add. */
		if (chunk.type >= CAPTURE_INFO && chunk.type <= CAPTURE_END)
			err = append(&r->tables[chunk.type], r->file + at, chunk.bytes);
		r->ended = chunk.type == CAPTURE_END;
		at += chunk.bytes;
	}
	if (!err && at != r->bytes)
		return wrong(r, "is corrupt at byte %zu: something follows its end", at);
	return err;
}

/* --- contents -------------------------------------------------------------------------------- */

static int check_count(struct reader *r, enum capture_type type, uint64_t count, size_t bytes)
{
	static const char *const what[] = {
	        [CAPTURE_SAMPLES] = "samples",
	        [CAPTURE_FREES] = "frees",
	        [CAPTURE_MODULES] = "modules",
	        [CAPTURE_CLASSES] = "classes",
	};
	const struct table *table = &r->tables[type];

	if (table->used / bytes == count && table->used % bytes == 0)
		return 0;
	return wrong(r, "is corrupt: %zu bytes of %s, %llu of them were written", table->used,
	             what[type], (unsigned long long)count);
}

static int check_counts(struct reader *r, struct capture_end *end)
{
	const struct table *last = &r->tables[CAPTURE_END];
	int err;

	if (last->used != sizeof(*end))
		return wrong(r, "is corrupt: its end has %zu bytes", last->used);
	memcpy(end, last->data, sizeof(*end));
	err = check_count(r, CAPTURE_SAMPLES, end->samples, sizeof(struct capture_sample));
	if (!err)
		err = check_count(r, CAPTURE_FREES, end->frees, sizeof(struct capture_free));
	if (!err)
		err = check_count(r, CAPTURE_MODULES, end->modules, sizeof(struct capture_module));
	if (!err)
		err = check_count(r, CAPTURE_CLASSES, end->classes, sizeof(struct capture_class));
	return err;
}

static int find_names(struct reader *r, struct capture *c)
{
	const struct table *table = &r->tables[CAPTURE_NAMES];
	char none[] = "", *text = table->data ? table->data : none;
	const char *end = text + table->used;

	if (c->end.names > table->used)
		return wrong(r, "is corrupt: it has fewer names than were written");
	c->names = calloc(c->end.names + 1, sizeof(*c->names));
	if (!c->names)
		return -ENOMEM;
	for (uint64_t i = 0; i < c->end.names; i++) {
		if (text >= end)
			return wrong(r, "is corrupt: it has fewer names than were written");
		c->names[i] = text__flatten(text);
		text += strlen(text) + 1; /* append() has put a zero behind all */
	}
	return text == end ? 0 : wrong(r, "is corrupt: it has more names than were written");
}

static int check_frames(struct reader *r, const struct capture *c,
                        const struct capture_stack *stack)
{
	for (uint32_t i = 0; i < stack->count; i++) {
		if (stack->frames[i].name >= c->end.names)
			return wrong(r, "is corrupt: a stack's name is missing");
	}
	return 0;
}

static int find_stacks(struct reader *r, struct capture *c)
{
	const struct table *table = &r->tables[CAPTURE_STACKS];
	size_t at = 0;
	int err = 0;

	if (c->end.stacks > table->used / sizeof(struct capture_stack))
		return wrong(r, "is corrupt: it has fewer stacks than were written");
	c->stacks = calloc(c->end.stacks + 1, sizeof(struct capture_stack *));
	if (!c->stacks)
		return -ENOMEM;
	for (uint64_t i = 0; i < c->end.stacks && !err; i++) {
		struct capture_stack *stack = (void *)((char *)table->data + at);
		size_t left = table->used - at;

		if (left < sizeof(*stack) ||
		    (left - sizeof(*stack)) / sizeof(*stack->frames) < stack->count)
			return wrong(r, "is corrupt: a stack is cut short");
		err = check_frames(r, c, stack);
		c->stacks[i] = stack;
		at += sizeof(*stack) + stack->count * sizeof(*stack->frames);
	}
	if (!err && at != table->used)
		return wrong(r, "is corrupt: it has more stacks than were written");
	return err;
}

static int check_numbers(struct reader *r, const struct capture *c)
{
	for (uint64_t i = 0; i < c->end.samples; i++) {
		if (c->samples[i].stack >= c->end.stacks || c->samples[i].comm >= c->end.names)
			return wrong(r, "is corrupt: a sample's stack is missing");
	}
	for (uint64_t i = 0; i < c->end.modules; i++) {
		if (c->modules[i].path >= c->end.names || c->modules[i].build_id >= c->end.names)
			return wrong(r, "is corrupt: a module's name is missing");
	}
	return 0;
}

/* Makes the tables the capture's own. */
static int adopt(struct reader *r, struct capture *c)
{
	int err = check_counts(r, &c->end);

	if (!err)
		err = find_names(r, c);
	if (!err)
		err = find_stacks(r, c);
	if (err)
		return err;
	c->info = r->tables[CAPTURE_INFO].data;
	c->samples = r->tables[CAPTURE_SAMPLES].data;
	c->frees = r->tables[CAPTURE_FREES].data;
	c->modules = r->tables[CAPTURE_MODULES].data;
	c->classes = r->tables[CAPTURE_CLASSES].data;
	return check_numbers(r, c);
}

/* Into memory: a file that shrinks meanwhile is cut short, and no more. */
static int read_bytes(struct reader *r, int fd, size_t bytes)
{
	unsigned char *file = malloc(bytes);

	if (!file)
		return -ENOMEM;
	r->file = file;
	while (r->bytes < bytes) {
		ssize_t got = read(fd, file + r->bytes, bytes - r->bytes);

		if (got < 0 && errno != EINTR)
			return wrong(r, "cannot be read: %s", strerror(errno));
		if (!got)
			break;
		r->bytes += got > 0 ? (size_t)got : 0;
	}
	return 0;
}

static int read_file(struct reader *r, const char *path)
{
	struct stat info;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), err = 0;

	if (fd < 0)
		return wrong(r, "cannot be opened: %s", strerror(errno));
	if (fstat(fd, &info))
		err = wrong(r, "cannot be read: %s", strerror(errno));
	else if (!S_ISREG(info.st_mode) || info.st_size == 0)
		err = wrong(r, "is no capture");
	else if (info.st_size > FILE_MAX)
		err = wrong(r, "is larger than any capture: %jd bytes", (intmax_t)info.st_size);
	else
		err = read_bytes(r, fd, (size_t)info.st_size);
	close(fd);
	return err;
}

int capture__read(struct capture **capture, const char *path, char *why, size_t size)
{
	struct reader r = {.why = why, .why_size = size};
	struct capture *c = calloc(1, sizeof(*c));
	struct table *kept = calloc(CAPTURE_END + 1, sizeof(*kept));
	int err = c && kept ? read_file(&r, path) : -ENOMEM;

	*capture = NULL;
	if (!err)
		err = check_header(&r);
	if (!err)
		err = read_chunks(&r);
	if (!err)
		err = adopt(&r, c);
	free(r.file);
	if (err == -ENOMEM)
		wrong(&r, "needs more memory than there is");
	if (!c) {
		free(kept);
	} else if (kept) {
		memcpy(kept, r.tables, sizeof(r.tables));
		c->pieces = kept;
	}
	if (err) {
		capture__free(c);
		return err;
	}
	*capture = c;
	return 0;
}

void capture__free(struct capture *c)
{
	struct table *tables;

	if (!c)
		return;
	tables = c->pieces;
	for (int type = 0; tables && type <= CAPTURE_END; type++)
		free(tables[type].data);
	free(tables);
	free(c->names);
	free(c->stacks);
	free(c);
}

const char *capture__info(const struct capture *c, const char *key, char *value, size_t size)
{
	size_t length = strlen(key);

	*value = '\0';
	for (const char *line = c->info; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) != 0 || line[length] != '=')
			continue;
		snprintf(value, size, "%.*s", (int)strcspn(line + length + 1, "\n"),
		         line + length + 1);
		text__flatten(value);
		break;
	}
	return value;
}
