/* SPDX-License-Identifier: MIT */
#include "tools/symbols/code.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/base/clock.h"
#include "tools/base/intern.h"
#include "tools/target/maps.h"
#include "tools/target/object.h"

struct code {
	pid_t pid;
	struct intern *strings;
	struct code_mapping *list; /* by address; none overlap */
	size_t count;
	uint64_t read; /* CLOCK_MONOTONIC, seconds */
};

static const struct code_mapping *find(const struct code *code, uint64_t ip)
{
	size_t low = 0, high = code->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (code->list[middle].end <= ip)
			low = middle + 1;
		else
			high = middle;
	}
	return low < code->count && ip >= code->list[low].start ? &code->list[low] : NULL;
}

static const char *build_id(struct code *code, const struct mapping *mapping)
{
	int fd = mapping->inode ? mapping__open(mapping, code->pid) : -1;
	struct object *object = NULL;
	const char *id = "";

	if (fd >= 0 && !object__read(&object, fd))
		id = intern__string(code->strings, object->build_id);
	object__free(object);
	if (fd >= 0)
		close(fd);
	return id ? id : "";
}

/* What is new comes in the place of what it overlaps. */
static int put(struct code *code, const struct mapping *mapping)
{
	struct code_mapping entry = {mapping->start, mapping->end, mapping->offset, NULL, NULL};
	struct code_mapping *grown;
	size_t at = 0, kept = 0;

	entry.path = intern__name(code->strings, mapping->path, SIZE_MAX);
	for (size_t i = 0; i < code->count; i++) {
		const struct code_mapping *old = &code->list[i];

		if (old->start == entry.start && old->end == entry.end && old->path == entry.path)
			return 0;
	}
	entry.build_id = build_id(code, mapping);
	grown = reallocarray(code->list, code->count + 1, sizeof(*grown));
	if (!entry.path || !grown)
		return -1;
	code->list = grown;
	for (size_t i = 0; i < code->count; i++) {
		if (grown[i].end <= entry.start || grown[i].start >= entry.end)
			grown[kept++] = grown[i];
	}
	while (at < kept && grown[at].start < entry.start)
		at++;
	memmove(&grown[at + 1], &grown[at], (kept - at) * sizeof(*grown));
	grown[at] = entry;
	code->count = kept + 1;
	return 0;
}

static uint64_t seconds(void)
{
	return clock__mono_ns() / 1000000000;
}

static void read_mappings(struct code *code)
{
	struct maps maps;

	code->read = seconds();
	if (maps__read(&maps, code->pid))
		return;
	for (size_t i = 0; i < maps.count; i++) {
		if (maps.list[i].executable && *maps.list[i].path && put(code, &maps.list[i]))
			break;
	}
	maps__clear(&maps);
}

struct code *code__new(pid_t pid)
{
	struct code *code = calloc(1, sizeof(*code));

	if (!code)
		return NULL;
	code->pid = pid;
	code->strings = intern__new();
	if (!code->strings) {
		free(code);
		return NULL;
	}
	read_mappings(code);
	return code;
}

void code__free(struct code *code)
{
	if (!code)
		return;
	intern__free(code->strings);
	free(code->list);
	free(code);
}

void code__cover(struct code *code, uint64_t ip)
{
	if (!find(code, ip) && seconds() > code->read)
		read_mappings(code);
}

const struct code_mapping *code__mappings(const struct code *code, size_t *count)
{
	*count = code->count;
	return code->list;
}
