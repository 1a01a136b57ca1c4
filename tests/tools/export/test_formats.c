/* SPDX-License-Identifier: MIT */
/* pprof and speedscope files, read back. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "pprof.pb-c.h"
#include "tests/harness.h"
#include "tools/export/export.h"

static struct stacks *sample_stacks(void)
{
	struct stacks *stacks = stacks__new();
	uint32_t stack, other;

	if (!stacks)
		return NULL;
	stack = stacks__enter(stacks, STACKS_ROOT, "main", 0x1010);
	other = stacks__enter(stacks, stack, "bad \xff name", 0);
	stack = stacks__enter(stacks, stack, "serve", 0x1020);
	stacks__add(stacks, stack, FLAME_ALLOC, 1000, 10);
	stacks__add(stacks, stack, FLAME_LIVE, 400, 4);
	stack = stacks__enter(stacks, stack, "serve", 0x5020); /* same function, other place */
	stacks__add(stacks, stack, FLAME_ALLOC, 24.6, 1);
	stacks__add(stacks, other, FLAME_CPU, 10, 1);
	return stacks;
}

static const struct code_mapping mappings[] = {
        {0x1000, 0x2000, 0x400, "/bin/served", "c0ffee"},
        {0x5000, 0x6000, 0, "/lib/libx.so", ""},
};

/* The message in the gzip file that `write` makes; to be freed with pprof's function. */
static Pprof__Profile *written(const struct export_source *source)
{
	static unsigned char packed[1 << 16], plain[1 << 16];
	z_stream stream = {.next_in = packed, .next_out = plain, .avail_out = sizeof(plain)};
	FILE *file = tmpfile();

	REQUIRE(file != NULL);
	REQUIRE(export_pprof(source, file) == 0);
	rewind(file);
	stream.avail_in = (uInt)fread(packed, 1, sizeof(packed), file);
	fclose(file);
	REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
	CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
	inflateEnd(&stream);
	return pprof__profile__unpack(NULL, stream.total_out, plain);
}

static const char *text_at(const Pprof__Profile *profile, int64_t index)
{
	REQUIRE(index >= 0 && (size_t)index < profile->n_string_table);
	return profile->string_table[index];
}

TEST(pprof_has_four_values_and_places)
{
	struct stacks *stacks = sample_stacks();
	const struct export_source source = {.note = "served, pid 1",
	                                     .stacks = stacks,
	                                     .kinds = 1u << FLAME_ALLOC | 1u << FLAME_LIVE,
	                                     .first = FLAME_LIVE,
	                                     .mappings = mappings,
	                                     .mapping_count = 2};
	static const char *const types[] = {"alloc_objects", "alloc_space", "inuse_objects",
	                                    "inuse_space"};
	Pprof__Profile *p;

	REQUIRE(stacks != NULL);
	p = written(&source);
	REQUIRE(p != NULL);
	CHECK(!strcmp(text_at(p, 0), "") && !strcmp(text_at(p, p->comment[0]), "served, pid 1"));
	REQUIRE(p->n_sample_type == 4);
	for (size_t i = 0; i < 4; i++) {
		CHECK(!strcmp(text_at(p, p->sample_type[i]->type), types[i]));
		CHECK(!strcmp(text_at(p, p->sample_type[i]->unit), i % 2 ? "bytes" : "count"));
	}
	CHECK(!strcmp(text_at(p, p->default_sample_type), "inuse_space"));
	/* The stack with CPU time alone is not there. */
	REQUIRE(p->n_sample == 2 && p->sample[0]->n_value == 4 && p->sample[0]->n_location_id == 2);
	CHECK(p->sample[0]->value[0] == 10 && p->sample[0]->value[1] == 1000);
	CHECK(p->sample[0]->value[2] == 4 && p->sample[0]->value[3] == 400);
	CHECK(p->sample[1]->value[1] == 25 && p->sample[1]->value[3] == 0);
	/* The innermost frame first; one function at two places. */
	REQUIRE(p->n_location == 3 && p->n_function == 2 && p->n_mapping == 2);
	CHECK(p->location[p->sample[1]->location_id[0] - 1]->address == 0x5020);
	CHECK(p->location[p->sample[1]->location_id[0] - 1]->mapping_id == 2);
	CHECK(p->location[p->sample[1]->location_id[2] - 1]->address == 0x1010);
	CHECK(p->location[p->sample[1]->location_id[0] - 1]->line[0]->function_id ==
	      p->location[p->sample[1]->location_id[1] - 1]->line[0]->function_id);
	CHECK(p->mapping[0]->memory_start == 0x1000 && p->mapping[0]->file_offset == 0x400);
	CHECK(!strcmp(text_at(p, p->mapping[0]->build_id), "c0ffee"));
	CHECK(!strcmp(text_at(p, p->mapping[1]->filename), "/lib/libx.so"));
	pprof__profile__free_unpacked(p, NULL);
	stacks__free(stacks);
}

TEST(pprof_of_cpu_time_is_in_ns)
{
	const double scale[FLAME_KINDS] = {[FLAME_CPU] = 2.5};
	struct stacks *stacks = sample_stacks();
	const struct export_source source = {
	        .stacks = stacks, .kinds = 1u << FLAME_CPU, .first = FLAME_CPU, .scale = scale};
	Pprof__Profile *p;

	REQUIRE(stacks != NULL);
	p = written(&source);
	REQUIRE(p != NULL && p->n_sample_type == 2 && p->n_sample == 1);
	CHECK(!strcmp(text_at(p, p->sample_type[1]->type), "cpu"));
	CHECK(!strcmp(text_at(p, p->sample_type[1]->unit), "nanoseconds"));
	CHECK(p->sample[0]->value[0] == 1 && p->sample[0]->value[1] == 25);
	CHECK(p->n_function == 2 && !strcmp(text_at(p, p->function[0]->name), "bad ? name"));
	CHECK(p->location[0]->mapping_id == 0);
	pprof__profile__free_unpacked(p, NULL);
	stacks__free(stacks);
}

TEST(pprof_needs_stacks)
{
	const struct export_source source = {0};
	FILE *file = tmpfile();

	REQUIRE(file != NULL);
	CHECK(export_pprof(&source, file) == -EINVAL);
	fclose(file);
}

/* --- speedscope ------------------------------------------------------------------------------ */

static struct json_object *member(struct json_object *object, const char *name, enum json_type type)
{
	struct json_object *value = NULL;

	CHECK(json_object_object_get_ex(object, name, &value));
	CHECK(json_object_is_type(value, type));
	return value;
}

/* What the schema demands of a profile of type "sampled". */
static void check_sampled(struct json_object *profile, size_t frames)
{
	struct json_object *samples = member(profile, "samples", json_type_array);
	struct json_object *weights = member(profile, "weights", json_type_array);
	double start = json_object_get_double(member(profile, "startValue", json_type_int));
	double end = json_object_get_double(member(profile, "endValue", json_type_int));
	const char *unit = json_object_get_string(member(profile, "unit", json_type_string));
	double sum = 0;

	member(profile, "name", json_type_string);
	CHECK(!strcmp(json_object_get_string(member(profile, "type", json_type_string)),
	              "sampled"));
	CHECK(!strcmp(unit, "bytes") || !strcmp(unit, "nanoseconds"));
	REQUIRE(json_object_array_length(samples) == json_object_array_length(weights));
	for (size_t i = 0; i < json_object_array_length(samples); i++) {
		struct json_object *stack = json_object_array_get_idx(samples, i);

		CHECK(json_object_is_type(stack, json_type_array));
		CHECK(json_object_array_length(stack) > 0);
		for (size_t j = 0; j < json_object_array_length(stack); j++) {
			struct json_object *index = json_object_array_get_idx(stack, j);

			CHECK(json_object_is_type(index, json_type_int));
			CHECK(json_object_get_int64(index) >= 0 &&
			      (size_t)json_object_get_int64(index) < frames);
		}
		sum += json_object_get_double(json_object_array_get_idx(weights, i));
	}
	CHECK(start == 0 && end >= sum - (double)json_object_array_length(samples) &&
	      end <= sum + (double)json_object_array_length(samples));
}

TEST(speedscope_follows_its_schema)
{
	struct profile *bytes = profile__new("live <bytes>", "bytes");
	struct profile *ns = profile__new("CPU", "ns"), *empty = profile__new("none", "bytes");
	const char *const one[] = {"main", "f<\"int\\\"> \xff\n", "malloc"};
	const struct export_source source = {
	        .profiles = {bytes, ns, empty}, .profile_count = 3, .note = "a \"note\""};
	struct json_object *root, *profiles, *frames, *shared;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	REQUIRE(bytes && ns && empty && out);
	profile__add(bytes, one, 3, 100.4, 1);
	profile__add(bytes, one, 1, 11, 1);
	profile__add(ns, one + 1, 2, 1e12, 1);
	CHECK(export_speedscope(&source, out) == 0);
	fclose(out);
	root = json_tokener_parse(text);
	REQUIRE(root != NULL);
	CHECK(!strcmp(json_object_get_string(member(root, "$schema", json_type_string)),
	              "https://www.speedscope.app/file-format-schema.json"));
	member(root, "exporter", json_type_string);
	member(root, "name", json_type_string);
	shared = member(root, "shared", json_type_object);
	frames = member(shared, "frames", json_type_array);
	CHECK(json_object_array_length(frames) == 3); /* shared by all profiles */
	for (size_t i = 0; i < json_object_array_length(frames); i++)
		member(json_object_array_get_idx(frames, i), "name", json_type_string);
	profiles = member(root, "profiles", json_type_array);
	REQUIRE(json_object_array_length(profiles) == 3);
	for (size_t i = 0; i < 3; i++)
		check_sampled(json_object_array_get_idx(profiles, i),
		              json_object_array_length(frames));
	json_object_put(root);
	free(text);
	profile__free(bytes);
	profile__free(ns);
	profile__free(empty);
}
