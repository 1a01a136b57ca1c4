/* SPDX-License-Identifier: MIT */
/*
 * pprof's profile.proto, gzipped. Allocations: what was allocated since the attach and what of it
 * is alive, objects and bytes, in one file. CPU time: samples and ns. tools/profile/pprof.proto is
 * the format.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "pprof.pb-c.h"
#include "tools/base/intern.h"
#include "tools/base/numbering.h"
#include "tools/base/text.h"
#include "tools/export/export.h"

enum { VALUES_MAX = 4, CHUNK = 1 << 16 };

struct column {
	const char *type, *unit;
	enum flame_kind kind;
	bool counts; /* operations rather than weight */
};

static const struct column allocation_columns[] = {
        {"alloc_objects", "count", FLAME_ALLOC, true},
        {"alloc_space", "bytes", FLAME_ALLOC, false},
        {"inuse_objects", "count", FLAME_LIVE, true},
        {"inuse_space", "bytes", FLAME_LIVE, false},
};
static const struct column cpu_columns[] = {
        {"samples", "count", FLAME_CPU, true},
        {"cpu", "nanoseconds", FLAME_CPU, false},
};

/*
 * The message while it is built. Protobuf-c wants lists of pointers; the things that they point to
 * are in blocks of their own, freed as a whole.
 */
struct build {
	const struct export_source *source;
	const struct column *columns;
	size_t column_count;
	struct intern *texts;
	struct numbering strings, locations, functions;
	Pprof__Profile profile;
	Pprof__ValueType *types;
	Pprof__Sample *samples;
	Pprof__Mapping *mappings;
	Pprof__Location *location_list;
	Pprof__Line *lines;
	Pprof__Function *function_list;
	uint64_t *ids;   /* of all samples' locations */
	int64_t *values; /* of all samples */
	bool failed;
};

/* Index in the string table. */
static int64_t string(struct build *build, const char *text)
{
	char *clean = text__utf8(text);
	const char *interned = clean ? intern__string(build->texts, clean) : NULL;
	ptrdiff_t number = interned ? numbering__of(&build->strings, interned, 0) : -1;

	free(clean);
	build->failed |= number < 0;
	return number < 0 ? 0 : number;
}

static void *list(struct build *build, size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	build->failed |= !memory;
	return memory;
}

/* --- what the samples are -------------------------------------------------------------------- */

static void choose_columns(struct build *build)
{
	const struct export_source *source = build->source;

	if (source->first == FLAME_CPU) {
		build->columns = cpu_columns;
		build->column_count = 2;
	} else {
		build->columns = allocation_columns;
		build->column_count = source->kinds & 1u << FLAME_LIVE ? 4 : 2;
	}
}

static void add_types(struct build *build)
{
	const char *first = build->source->first == FLAME_LIVE  ? "inuse_space"
	                    : build->source->first == FLAME_CPU ? "cpu"
	                                                        : "alloc_space";
	Pprof__Profile *profile = &build->profile;

	build->types = list(build, VALUES_MAX, sizeof(*build->types));
	profile->sample_type = list(build, VALUES_MAX, sizeof(*profile->sample_type));
	for (size_t i = 0; i < build->column_count && !build->failed; i++) {
		pprof__value_type__init(&build->types[i]);
		build->types[i].type = string(build, build->columns[i].type);
		build->types[i].unit = string(build, build->columns[i].unit);
		profile->sample_type[i] = &build->types[i];
	}
	profile->n_sample_type = build->column_count;
	profile->default_sample_type = string(build, first);
}

static int64_t value_of(const struct build *build, const struct stack_figure *figures,
                        const struct column *column)
{
	const struct stack_figure *figure = &figures[column->kind];
	double scale = build->source->scale ? build->source->scale[column->kind] : 1;
	double value = column->counts ? figure->count : figure->weight;

	/* Of CPU samples the count is theirs. */
	if (column->counts && column->kind == FLAME_CPU)
		scale = 1;
	return (int64_t)(value * scale + 0.5);
}

static bool has_samples(const struct build *build, uint32_t stack)
{
	const struct stack_figure *figures = stacks__figures(build->source->stacks, stack);
	uint64_t samples = 0;

	for (size_t i = 0; figures && i < build->column_count; i++)
		samples += figures[build->columns[i].kind].samples;
	return samples != 0;
}

static size_t depth_of(const struct stacks *stacks, uint32_t stack)
{
	size_t depth = 0;

	for (; stack != STACKS_ROOT; stack = stacks__frame(stacks, stack)->caller)
		depth++;
	return depth;
}

static void add_sample(struct build *build, uint32_t stack, uint64_t **ids, int64_t **values)
{
	const struct stacks *stacks = build->source->stacks;
	const struct stack_figure *figures = stacks__figures(stacks, stack);
	Pprof__Sample *sample = &build->samples[build->profile.n_sample];

	pprof__sample__init(sample);
	sample->location_id = *ids;
	for (; stack != STACKS_ROOT; stack = stacks__frame(stacks, stack)->caller) {
		const struct stack_frame *frame = stacks__frame(stacks, stack);
		ptrdiff_t number = numbering__of(&build->locations, frame->name, frame->ip);

		build->failed |= number < 0;
		*(*ids)++ = (uint64_t)number + 1;
		sample->n_location_id++;
	}
	sample->value = *values;
	sample->n_value = build->column_count;
	for (size_t i = 0; i < build->column_count; i++)
		*(*values)++ = value_of(build, figures, &build->columns[i]);
	build->profile.sample[build->profile.n_sample++] = sample;
}

static void add_samples(struct build *build)
{
	const struct stacks *stacks = build->source->stacks;
	size_t count = 0, frames = 0;
	uint64_t *ids;
	int64_t *values;

	for (uint32_t i = 1; i < stacks__count(stacks); i++) {
		if (has_samples(build, i)) {
			count++;
			frames += depth_of(stacks, i);
		}
	}
	build->samples = list(build, count, sizeof(*build->samples));
	build->profile.sample = list(build, count, sizeof(*build->profile.sample));
	build->ids = ids = list(build, frames, sizeof(*ids));
	build->values = values = list(build, count * VALUES_MAX, sizeof(*values));
	for (uint32_t i = 1; i < stacks__count(stacks) && !build->failed; i++) {
		if (has_samples(build, i))
			add_sample(build, i, &ids, &values);
	}
}

/* --- where they were ------------------------------------------------------------------------- */

static void add_mappings(struct build *build)
{
	const size_t count = build->source->mapping_count;
	Pprof__Profile *profile = &build->profile;

	build->mappings = list(build, count, sizeof(*build->mappings));
	profile->mapping = list(build, count, sizeof(*profile->mapping));
	for (size_t i = 0; i < count && !build->failed; i++) {
		const struct code_mapping *from = &build->source->mappings[i];
		Pprof__Mapping *mapping = &build->mappings[i];

		pprof__mapping__init(mapping);
		mapping->id = i + 1;
		mapping->memory_start = from->start;
		mapping->memory_limit = from->end;
		mapping->file_offset = from->offset;
		mapping->filename = string(build, from->path);
		mapping->build_id = string(build, from->build_id);
		/* Names are here; pprof need not look for the file. */
		mapping->has_functions = true;
		profile->mapping[i] = mapping;
	}
	profile->n_mapping = count;
}

static uint64_t mapping_of(const struct build *build, uint64_t ip)
{
	for (size_t i = 0; ip && i < build->source->mapping_count; i++) {
		const struct code_mapping *mapping = &build->source->mappings[i];

		if (ip >= mapping->start && ip < mapping->end)
			return i + 1;
	}
	return 0;
}

static void add_locations(struct build *build)
{
	const size_t count = build->locations.count;
	Pprof__Profile *profile = &build->profile;
	Pprof__Line **lines;

	build->location_list = list(build, count, sizeof(*build->location_list));
	build->lines = list(build, count, sizeof(*build->lines) + sizeof(*lines));
	profile->location = list(build, count, sizeof(*profile->location));
	lines = build->failed ? NULL : (Pprof__Line **)(build->lines + count);
	for (size_t i = 0; i < count && !build->failed; i++) {
		const struct numbered *place = &build->locations.list[i];
		ptrdiff_t function = numbering__of(&build->functions, place->thing, 0);
		Pprof__Location *location = &build->location_list[i];

		build->failed |= function < 0;
		pprof__line__init(&build->lines[i]);
		build->lines[i].function_id = (uint64_t)function + 1;
		lines[i] = &build->lines[i];
		pprof__location__init(location);
		location->id = i + 1;
		location->address = place->also;
		location->mapping_id = mapping_of(build, place->also);
		location->line = &lines[i];
		location->n_line = 1;
		profile->location[i] = location;
	}
	profile->n_location = count;
}

static void add_functions(struct build *build)
{
	const size_t count = build->functions.count;
	Pprof__Profile *profile = &build->profile;

	build->function_list = list(build, count, sizeof(*build->function_list));
	profile->function = list(build, count, sizeof(*profile->function));
	for (size_t i = 0; i < count && !build->failed; i++) {
		Pprof__Function *function = &build->function_list[i];

		pprof__function__init(function);
		function->id = i + 1;
		function->name = string(build, build->functions.list[i].thing);
		function->system_name = function->name;
		profile->function[i] = function;
	}
	profile->n_function = count;
}

static void add_strings(struct build *build)
{
	Pprof__Profile *profile = &build->profile;

	profile->string_table = list(build, build->strings.count, sizeof(*profile->string_table));
	for (size_t i = 0; i < build->strings.count && !build->failed; i++)
		profile->string_table[i] = (char *)(uintptr_t)build->strings.list[i].thing;
	profile->n_string_table = build->strings.count;
}

static void build__clear(struct build *build)
{
	Pprof__Profile *profile = &build->profile;

	free(profile->sample_type);
	free(profile->sample);
	free(profile->mapping);
	free(profile->location);
	free(profile->function);
	free(profile->string_table);
	free(build->types);
	free(build->samples);
	free(build->mappings);
	free(build->location_list);
	free(build->lines);
	free(build->function_list);
	free(build->ids);
	free(build->values);
	numbering__clear(&build->strings);
	numbering__clear(&build->locations);
	numbering__clear(&build->functions);
	if (build->texts)
		intern__free(build->texts);
}

/* --- writing --------------------------------------------------------------------------------- */

static int write_gzip(const uint8_t *data, size_t size, FILE *out)
{
	enum { GZIP_WINDOW = 15 + 16 };
	uint8_t chunk[CHUNK];
	z_stream stream = {.next_in = (uint8_t *)(uintptr_t)data, .avail_in = (uInt)size};
	int result;

	if (size > UINT32_MAX || deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
	                                      GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	do {
		stream.next_out = chunk;
		stream.avail_out = sizeof(chunk);
		result = deflate(&stream, Z_FINISH);
		fwrite(chunk, 1, sizeof(chunk) - stream.avail_out, out);
	} while (result == Z_OK);
	deflateEnd(&stream);
	return result != Z_STREAM_END || ferror(out) ? -EIO : 0;
}

int export_pprof(const struct export_source *source, FILE *out)
{
	struct build build = {.source = source};
	int64_t comment = 0;
	uint8_t *packed;
	size_t size;
	int err = -ENOMEM;

	if (!source->stacks)
		return -EINVAL;
	build.texts = intern__new();
	pprof__profile__init(&build.profile);
	if (!build.texts || string(&build, "") != 0)
		goto out;
	choose_columns(&build);
	add_types(&build);
	add_samples(&build);
	add_mappings(&build);
	add_locations(&build);
	add_functions(&build);
	build.profile.time_nanos = (int64_t)source->start_ns;
	build.profile.duration_nanos = (int64_t)source->duration_ns;
	comment = string(&build, source->note ? source->note : "");
	build.profile.comment = &comment;
	build.profile.n_comment = comment != 0;
	add_strings(&build);
	if (build.failed)
		goto out;
	size = pprof__profile__get_packed_size(&build.profile);
	packed = malloc(size);
	if (!packed)
		goto out;
	pprof__profile__pack(&build.profile, packed);
	err = write_gzip(packed, size, out);
	free(packed);
out:
	build__clear(&build);
	return err;
}
