/* SPDX-License-Identifier: MIT */
/*
 * Chunks of each kind are gathered in memory and go out together, names before the stacks that use
 * them before the samples that use those.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "tools/base/intern.h"
#include "tools/capture/capture.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "captures are written as memory has them");
_Static_assert(sizeof(struct capture_header) == 16 && sizeof(struct capture_chunk) == 16 &&
                       sizeof(struct capture_frame) == 16 && sizeof(struct capture_stack) == 8 &&
                       sizeof(struct capture_sample) == 48 && sizeof(struct capture_free) == 16 &&
                       sizeof(struct capture_module) == 32 && sizeof(struct capture_class) == 32 &&
                       sizeof(struct capture_end) == 56,
               "the format is fixed: docs/capture.md");

enum { FLUSH_BYTES = 256 << 10 };

struct buffer {
	unsigned char *data;
	size_t used, room;
};

/* Numbers for keys of 128 bits: addresses of interned names, and hashes of stacks, which are long
 * enough for no two to meet. */
struct number {
	uint64_t key[2]; /* zeros: free slot */
	uint32_t number;
};

struct numbers {
	struct number *slots;
	size_t mask; /* slots - 1 */
	uint32_t count;
};

struct capture_writer {
	char *path, *temporary;
	FILE *out;
	struct intern *strings;
	struct numbers names, stacks;
	struct buffer buffers[CAPTURE_END + 1]; /* by type */
	struct buffer scratch;                  /* the stack at hand */
	struct capture_end end;
};

/* --- numbers --------------------------------------------------------------------------------- */

static struct number *slot_of(struct number *slots, size_t mask, const uint64_t key[2])
{
	size_t at = (size_t)((key[0] ^ key[1]) * 0x9e3779b97f4a7c15ull >> 32) & mask;

	while ((slots[at].key[0] || slots[at].key[1]) &&
	       (slots[at].key[0] != key[0] || slots[at].key[1] != key[1]))
		at = (at + 1) & mask;
	return &slots[at];
}

static int make_room(struct numbers *numbers)
{
	size_t count = numbers->slots ? 2 * (numbers->mask + 1) : 1024;
	struct number *slots;

	if (numbers->slots && 2 * ((size_t)numbers->count + 1) <= numbers->mask + 1)
		return 0;
	slots = calloc(count, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; numbers->slots && i <= numbers->mask; i++) {
		const struct number *old = &numbers->slots[i];

		if (old->key[0] || old->key[1])
			*slot_of(slots, count - 1, old->key) = *old;
	}
	free(numbers->slots);
	numbers->slots = slots;
	numbers->mask = count - 1;
	return 0;
}

/* The number of `key`: 1 it is new, 0 it was there, or -ENOMEM. */
static int number_of(struct numbers *numbers, const uint64_t key[2], uint32_t *number)
{
	struct number *slot;

	if (make_room(numbers))
		return -ENOMEM;
	slot = slot_of(numbers->slots, numbers->mask, key);
	if (slot->key[0] || slot->key[1]) {
		*number = slot->number;
		return 0;
	}
	*slot = (struct number){{key[0], key[1]}, numbers->count};
	*number = numbers->count++;
	return 1;
}

/* --- chunks ---------------------------------------------------------------------------------- */

static int append(struct buffer *buffer, const void *data, size_t bytes)
{
	if (buffer->room - buffer->used < bytes) {
		size_t room = 2 * buffer->room + bytes + 4096;
		unsigned char *grown = realloc(buffer->data, room);

		if (!grown)
			return -ENOMEM;
		buffer->data = grown;
		buffer->room = room;
	}
	memcpy(buffer->data + buffer->used, data, bytes);
	buffer->used += bytes;
	return 0;
}

static int write_chunk(struct capture_writer *w, enum capture_type type)
{
	struct buffer *buffer = &w->buffers[type];
	struct capture_chunk chunk = {.type = type, .bytes = buffer->used};

	if (!buffer->used)
		return 0;
	chunk.crc = (uint32_t)crc32(0, buffer->data, (uInt)buffer->used);
	if (fwrite(&chunk, sizeof(chunk), 1, w->out) != 1 ||
	    fwrite(buffer->data, buffer->used, 1, w->out) != 1)
		return errno ? -errno : -EIO;
	buffer->used = 0;
	return 0;
}

/* In the order in which the kinds need each other, which is that of their numbers. */
static int write_chunks(struct capture_writer *w)
{
	int err = 0;

	for (int type = CAPTURE_INFO; type < CAPTURE_END && !err; type++)
		err = write_chunk(w, (enum capture_type)type);
	return err;
}

static int add(struct capture_writer *w, enum capture_type type, const void *data, size_t bytes)
{
	return append(&w->buffers[type], data, bytes);
}

static int flush(struct capture_writer *w)
{
	size_t all = 0;

	for (int type = CAPTURE_INFO; type < CAPTURE_END; type++)
		all += w->buffers[type].used;
	return all < FLUSH_BYTES ? 0 : write_chunks(w);
}

static int name(struct capture_writer *w, const char *text, uint32_t *number)
{
	const char *string = intern__string(w->strings, text);
	int new;

	if (!string)
		return -ENOMEM;
	new = number_of(&w->names, (uint64_t[2]){(uint64_t)(uintptr_t)string, 1}, number);
	return new > 0 ? add(w, CAPTURE_NAMES, string, strlen(string) + 1) : new;
}

/* --- life ------------------------------------------------------------------------------------ */

struct capture_writer *capture_writer__new(const char *path)
{
	struct capture_writer *w = calloc(1, sizeof(*w));
	struct capture_header header = {.magic = CAPTURE_MAGIC, .version = CAPTURE_VERSION};
	int fd, err = ENOMEM;

	if (!w)
		return NULL;
	w->strings = intern__new();
	w->path = strdup(path);
	if (!w->strings || !w->path ||
	    asprintf(&w->temporary, "%s.%d.tmp", path, (int)getpid()) < 0)
		goto fail;
	fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0) {
		err = errno;
		free(w->temporary); /* not ours */
		w->temporary = NULL;
		goto fail;
	}
	w->out = fdopen(fd, "w");
	if (!w->out || fwrite(&header, sizeof(header), 1, w->out) != 1) {
		err = errno ? errno : EIO;
		goto fail;
	}
	return w;
fail:
	capture_writer__free(w);
	errno = err;
	return NULL;
}

void capture_writer__free(struct capture_writer *w)
{
	if (!w)
		return;
	if (w->out)
		fclose(w->out);
	if (w->temporary)
		unlink(w->temporary);
	for (int type = 0; type <= CAPTURE_END; type++)
		free(w->buffers[type].data);
	free(w->scratch.data);
	free(w->names.slots);
	free(w->stacks.slots);
	intern__free(w->strings);
	free(w->temporary);
	free(w->path);
	free(w);
}

int capture_writer__finish(struct capture_writer *w, uint64_t lost)
{
	int err;

	w->end.names = w->names.count;
	w->end.stacks = w->stacks.count;
	w->end.lost = lost;
	err = add(w, CAPTURE_END, &w->end, sizeof(w->end));
	if (!err)
		err = write_chunks(w);
	if (!err)
		err = write_chunk(w, CAPTURE_END);
	if (!err && (fflush(w->out) || fsync(fileno(w->out))))
		err = -errno;
	if (!err && rename(w->temporary, w->path))
		err = -errno;
	if (!err) {
		free(w->temporary);
		w->temporary = NULL;
	}
	return err;
}

/* --- contents -------------------------------------------------------------------------------- */

/* Two FNV-like sums with different multipliers. */
static void hash(const struct buffer *buffer, uint64_t key[2])
{
	uint64_t a = 0xcbf29ce484222325ull, b = 0x9e3779b97f4a7c15ull, word;

	for (size_t i = 0; i + sizeof(word) <= buffer->used; i += sizeof(word)) {
		memcpy(&word, buffer->data + i, sizeof(word));
		a = (a ^ word) * 0x100000001b3ull;
		a ^= a >> 29;
		b = (b + word) * 0xbf58476d1ce4e5b9ull;
		b ^= b >> 31;
	}
	key[0] = a;
	key[1] = b | 1;
}

static int stack(struct capture_writer *w, const struct capture_call *calls, size_t count,
                 bool truncated, uint32_t *number)
{
	struct capture_stack head = {(uint32_t)count, truncated ? CAPTURE_TRUNCATED : 0};
	uint64_t key[2];
	int err;

	w->scratch.used = 0;
	err = append(&w->scratch, &head, sizeof(head));
	for (size_t i = 0; i < count && !err; i++) {
		struct capture_frame frame = {.ip = calls[i].ip, .flags = calls[i].flags};

		err = name(w, calls[i].name, &frame.name);
		if (!err)
			err = append(&w->scratch, &frame, sizeof(frame));
	}
	if (err)
		return err;
	hash(&w->scratch, key);
	err = number_of(&w->stacks, key, number);
	return err > 0 ? add(w, CAPTURE_STACKS, w->scratch.data, w->scratch.used) : err;
}

int capture_writer__sample(struct capture_writer *w, const struct hak_sample_event *event,
                           const struct capture_call *calls, size_t count, bool truncated)
{
	struct capture_sample sample = {
	        .time_ns = event->time_ns,
	        .ptr = event->ptr,
	        .size = event->size,
	        .weighted_bytes = event->weighted_bytes,
	        .pid = event->pid,
	        .tid = event->tid,
	};
	char comm[sizeof(event->comm) + 1];
	int err;

	snprintf(comm, sizeof(comm), "%.*s", (int)sizeof(event->comm), event->comm);
	err = name(w, comm, &sample.comm);
	if (!err)
		err = stack(w, calls, count, truncated, &sample.stack);
	if (!err)
		err = add(w, CAPTURE_SAMPLES, &sample, sizeof(sample));
	if (err)
		return err;
	w->end.samples++;
	return flush(w);
}

int capture_writer__freed(struct capture_writer *w, uint64_t time_ns, uint64_t ptr)
{
	struct capture_free freed = {time_ns, ptr};
	int err = add(w, CAPTURE_FREES, &freed, sizeof(freed));

	if (err)
		return err;
	w->end.frees++;
	return flush(w);
}

int capture_writer__info(struct capture_writer *w, const char *key, const char *value)
{
	char line[1024];
	int length = snprintf(line, sizeof(line), "%.100s=%.900s", key, value);

	for (int i = 0; i < length; i++) {
		if (line[i] == '\n')
			line[i] = ' ';
	}
	line[length] = '\n';
	return add(w, CAPTURE_INFO, line, (size_t)length + 1);
}

int capture_writer__module(struct capture_writer *w, struct capture_module module, const char *path,
                           const char *build_id)
{
	int err = name(w, path, &module.path);

	if (!err)
		err = name(w, build_id, &module.build_id);
	if (!err)
		err = add(w, CAPTURE_MODULES, &module, sizeof(module));
	w->end.modules += !err;
	return err;
}

int capture_writer__class(struct capture_writer *w, const struct capture_class *class)
{
	int err = add(w, CAPTURE_CLASSES, class, sizeof(*class));

	w->end.classes += !err;
	return err;
}
