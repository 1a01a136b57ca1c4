/* SPDX-License-Identifier: MIT */
#include "tools/profile/import.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "pprof.pb-c.h"
#include "tools/base/text.h"

enum {
	FRAMES_MAX = 4096,
	LINE_MAX_BYTES = 1 << 20,
	MESSAGE_MAX = 128 << 20,  /* of a profile, unpacked */
	UNPACKED_MAX = 384 << 20, /* of all its messages as structures */
};

/* --- folded ---------------------------------------------------------------------------------- */

static int read_line(char *line, import_fn *on_stack, void *context)
{
	const char *frames[FRAMES_MAX];
	char *space, *end;
	size_t count = 0;
	double weight;

	line[strcspn(line, "\r\n")] = '\0';
	if (!*line || *line == '#')
		return 0;
	space = strrchr(line, ' ');
	if (!space)
		return -EPROTO;
	weight = strtod(space + 1, &end);
	if (end == space + 1 || *end)
		return -EPROTO;
	*space = '\0';
	text__flatten(line);
	for (char *frame = line; frame && count < FRAMES_MAX; count++) {
		char *next = strchr(frame, ';');

		if (next)
			*next++ = '\0';
		frames[count] = frame;
		frame = next;
	}
	return on_stack(context, frames, count, weight);
}

static int read_folded(const char *path, import_fn *on_stack, void *context)
{
	FILE *in = fopen(path, "r");
	char *line = malloc(LINE_MAX_BYTES);
	int err = line ? 0 : -ENOMEM;

	if (!in) {
		free(line);
		return -errno;
	}
	while (!err && fgets(line, LINE_MAX_BYTES, in))
		err = strchr(line, '\n') || feof(in) ? read_line(line, on_stack, context) : -EPROTO;
	if (!err && ferror(in))
		err = -EIO;
	free(line);
	fclose(in);
	return err;
}

/* --- pprof ----------------------------------------------------------------------------------- */

static int read_all(const char *path, uint8_t **data, size_t *size)
{
	gzFile in = gzopen(path, "rb");
	size_t room = 0;
	int got = 0;

	*data = NULL;
	*size = 0;
	if (!in)
		return errno ? -errno : -ENOMEM;
	do {
		uint8_t *grown;

		*size += (size_t)got;
		if (*size == room) {
			room = room ? 2 * room : 1 << 16;
			grown = room <= MESSAGE_MAX ? realloc(*data, room) : NULL;
			if (!grown) {
				gzclose(in);
				return room <= MESSAGE_MAX ? -ENOMEM : -EFBIG;
			}
			*data = grown;
		}
		got = gzread(in, *data + *size, (unsigned)(room - *size));
	} while (got > 0);
	gzclose(in);
	return got < 0 ? -EPROTO : 0;
}

/* A message of two bytes becomes a structure of a hundred: what they all take together is bounded.
 */
struct purse {
	size_t left;
};

static void *spend(void *context, size_t size)
{
	struct purse *purse = context;

	if (size > purse->left)
		return NULL;
	purse->left -= size;
	return malloc(size);
}

static void give_back(void *context, void *block)
{
	(void)context;
	free(block);
}

static const char *text_at(const Pprof__Profile *profile, int64_t index)
{
	return index >= 0 && (size_t)index < profile->n_string_table ? profile->string_table[index]
	                                                             : "";
}

static int by_location(const void *left, const void *right)
{
	uint64_t a = (*(Pprof__Location *const *)left)->id;
	uint64_t b = (*(Pprof__Location *const *)right)->id;

	return a < b ? -1 : a > b;
}

static int by_function(const void *left, const void *right)
{
	uint64_t a = (*(Pprof__Function *const *)left)->id;
	uint64_t b = (*(Pprof__Function *const *)right)->id;

	return a < b ? -1 : a > b;
}

/* So that each is found at once, whatever the ids are. */
static void sort_by_id(Pprof__Profile *profile)
{
	if (profile->n_location)
		qsort(profile->location, profile->n_location, sizeof(*profile->location),
		      by_location);
	if (profile->n_function)
		qsort(profile->function, profile->n_function, sizeof(*profile->function),
		      by_function);
}

static const Pprof__Location *location_of(const Pprof__Profile *profile, uint64_t id)
{
	Pprof__Location wanted = {.id = id}, *key = &wanted, **found = NULL;

	if (profile->n_location)
		found = bsearch(&key, profile->location, profile->n_location, sizeof(key),
		                by_location);
	return found ? *found : NULL;
}

static const char *function_of(const Pprof__Profile *profile, uint64_t id)
{
	Pprof__Function wanted = {.id = id}, *key = &wanted, **found = NULL;

	if (profile->n_function)
		found = bsearch(&key, profile->function, profile->n_function, sizeof(key),
		                by_function);
	return found ? text_at(profile, (*found)->name) : "";
}

static size_t default_value(const Pprof__Profile *profile)
{
	for (size_t i = 0; i < profile->n_sample_type; i++) {
		if (profile->default_sample_type &&
		    profile->sample_type[i]->type == profile->default_sample_type)
			return i;
	}
	return profile->n_sample_type ? profile->n_sample_type - 1 : 0;
}

static int give_sample(const Pprof__Profile *profile, const Pprof__Sample *sample, size_t value,
                       import_fn *on_stack, void *context)
{
	const char *frames[FRAMES_MAX];
	size_t count = 0;

	/* The innermost is first, here and among the lines of a place with inlined calls. */
	for (size_t i = sample->n_location_id; i-- > 0;) {
		const Pprof__Location *location = location_of(profile, sample->location_id[i]);

		if (!location || !location->n_line) {
			if (count < FRAMES_MAX)
				frames[count++] = "[unknown]";
			continue;
		}
		for (size_t j = location->n_line; j-- > 0 && count < FRAMES_MAX;)
			frames[count++] = function_of(profile, location->line[j]->function_id);
	}
	return value < sample->n_value && sample->value[value]
	               ? on_stack(context, frames, count, (double)sample->value[value])
	               : 0;
}

static int read_pprof(const char *path, import_fn *on_stack, void *context, const char **unit)
{
	struct purse purse = {UNPACKED_MAX};
	ProtobufCAllocator allocator = {spend, give_back, &purse};
	Pprof__Profile *profile = NULL;
	const char *name = "";
	uint8_t *data;
	size_t size, value;
	int err;

	err = read_all(path, &data, &size);
	if (!err) {
		profile = pprof__profile__unpack(&allocator, size, data);
		err = profile && profile->n_sample_type ? 0 : purse.left < size ? -EFBIG : -EPROTO;
	}
	for (size_t i = 0; !err && i < profile->n_string_table; i++)
		text__flatten(profile->string_table[i]);
	if (!err) {
		sort_by_id(profile);
		value = default_value(profile);
		name = text_at(profile, profile->sample_type[value]->unit);
		for (size_t i = 0; i < profile->n_sample && !err; i++)
			err = give_sample(profile, profile->sample[i], value, on_stack, context);
	}
	*unit = !strcmp(name, "bytes") ? "bytes" : !strcmp(name, "nanoseconds") ? "ns" : "";
	pprof__profile__free_unpacked(profile, &allocator);
	free(data);
	return err;
}

static bool ends_with(const char *path, const char *suffix)
{
	size_t length = strlen(path), end = strlen(suffix);

	return length >= end && !strcmp(path + length - end, suffix);
}

int import_profile(const char *path, import_fn *on_stack, void *context, const char **unit)
{
	*unit = "";
	if (ends_with(path, ".pb.gz"))
		return read_pprof(path, on_stack, context, unit);
	return ends_with(path, ".folded") ? read_folded(path, on_stack, context) : -EINVAL;
}
