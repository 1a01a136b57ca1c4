/* SPDX-License-Identifier: MIT */
#include "tools/export/outputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/export/export.h"
#include "tools/profile/flame.h"

static unsigned parse_kind(const char *name, size_t length)
{
	for (enum flame_kind kind = 0; kind < FLAME_KINDS; kind++) {
		const char *known = flame_kind__name(kind);

		if (strlen(known) == length && !strncmp(known, name, length))
			return 1u << kind;
	}
	return 0;
}

unsigned outputs__parse_kinds(const char *list, size_t length)
{
	const char *end = list + length;
	unsigned kinds = 0, kind;

	for (;;) {
		const char *comma = memchr(list, ',', (size_t)(end - list));

		kind = parse_kind(list, (size_t)((comma ? comma : end) - list));
		if (!kind)
			return 0;
		kinds |= kind;
		if (!comma)
			return kinds;
		list = comma + 1;
	}
}

static const char *put(struct outputs *outputs, char *path, unsigned kinds)
{
	if (outputs->count == OUTPUTS_MAX || !path) {
		free(path);
		return path ? "too many files" : "out of memory";
	}
	outputs->list[outputs->count++] = (struct output){path, kinds};
	return NULL;
}

/* `path` with the kind's name for %k. */
static char *expand(const char *path, const char *mark, const char *name)
{
	char *expanded;

	if (asprintf(&expanded, "%.*s%s%s", (int)(mark - path), path, name, mark + 2) < 0)
		return NULL;
	return expanded;
}

static const char *put_each(struct outputs *outputs, const char *path, const char *mark,
                            unsigned kinds)
{
	const char *problem = NULL;

	for (enum flame_kind kind = 0; kind < FLAME_KINDS && !problem; kind++) {
		if (kinds & 1u << kind)
			problem = put(outputs, expand(path, mark, flame_kind__name(kind)),
			              1u << kind);
	}
	return problem;
}

static bool holds(const struct export_format *format, unsigned kinds)
{
	if (!(kinds & (kinds - 1)) || format->several)
		return true;
	return format->heap && !(kinds & 1u << FLAME_CPU);
}

const char *outputs__add(struct outputs *outputs, const char *argument, unsigned kinds)
{
	const struct export_format *format = export_format__of(argument);
	const char *equals = strchr(argument, '='), *path = argument, *mark;
	unsigned wanted = equals ? outputs__parse_kinds(argument, (size_t)(equals - argument)) : 0;

	if (!format)
		return "the suffix names the format: " EXPORT_SUFFIXES;
	if (wanted & ~kinds)
		return "say that kind with --flame, too";
	if (wanted)
		path = equals + 1;
	else
		wanted = kinds;
	mark = strstr(path, "%k");
	if (mark)
		return put_each(outputs, path, mark, wanted);
	if (!holds(format, wanted))
		return "such a file holds one kind of flame graph: write KIND=FILE, or %k in the "
		       "file's name, which stands for each kind";
	return put(outputs, strdup(path), wanted);
}

void outputs__clear(struct outputs *outputs)
{
	for (size_t i = 0; i < outputs->count; i++)
		free(outputs->list[i].path);
	outputs->count = 0;
}
