/* SPDX-License-Identifier: MIT */
/* speedscope's file format: https://www.speedscope.app/file-format-schema.json. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/intern.h"
#include "tools/base/numbering.h"
#include "tools/base/text.h"
#include "tools/export/export.h"

/* The samples of one profile and their weights are two lists; they are written side by side. */
struct lists {
	struct intern *names;
	struct numbering *frames;
	FILE *samples, *weights;
	ptrdiff_t *path; /* frame numbers from the outermost to the one that is visited */
	size_t depths;
	double total;
	bool any;
};

static int visit(const struct profile_frame *frame, void *arg)
{
	struct lists *lists = arg;
	const char *name = intern__string(lists->names, frame->name);
	ptrdiff_t number = name ? numbering__of(lists->frames, name, 0) : -1;

	if (number < 0)
		return -ENOMEM;
	if (frame->depth >= lists->depths) {
		ptrdiff_t *path = reallocarray(lists->path, 2 * frame->depth + 16, sizeof(*path));

		if (!path)
			return -ENOMEM;
		lists->path = path;
		lists->depths = 2 * frame->depth + 16;
	}
	lists->path[frame->depth] = number;
	if (!frame->self_count && frame->self_weight <= 0)
		return PROFILE_INTO;
	for (size_t i = 0; i <= frame->depth; i++)
		fprintf(lists->samples, "%s%td",
		        i            ? ","
		        : lists->any ? "],\n["
		                     : "[",
		        lists->path[i]);
	fprintf(lists->weights, "%s%.0f", lists->any ? "," : "", frame->self_weight);
	lists->total += frame->self_weight;
	lists->any = true;
	return PROFILE_INTO;
}

static const char *unit_of(const struct profile *profile)
{
	const char *unit = profile__unit(profile);

	return !strcmp(unit, "bytes") ? "bytes" : !strcmp(unit, "ns") ? "nanoseconds" : "none";
}

static int write_profile(const struct profile *profile, struct intern *names,
                         struct numbering *frames, FILE *out)
{
	struct lists lists = {.names = names, .frames = frames};
	char *samples = NULL, *weights = NULL;
	size_t sample_bytes, weight_bytes;
	int err = -ENOMEM;

	lists.samples = open_memstream(&samples, &sample_bytes);
	lists.weights = open_memstream(&weights, &weight_bytes);
	if (lists.samples && lists.weights)
		err = profile__walk(profile, visit, &lists);
	if (lists.samples && fclose(lists.samples) && !err)
		err = -ENOMEM;
	if (lists.weights && fclose(lists.weights) && !err)
		err = -ENOMEM;
	if (!err) {
		fputs("{\"type\":\"sampled\",\"name\":", out);
		text__json(out, profile__title(profile));
		fprintf(out, ",\"unit\":\"%s\",\"startValue\":0,\"endValue\":%.0f,\n\"samples\":[",
		        unit_of(profile), lists.total);
		fprintf(out, "%s%s],\n\"weights\":[%s]}", samples, lists.any ? "]" : "", weights);
	}
	free(samples);
	free(weights);
	free(lists.path);
	return err;
}

int export_speedscope(const struct export_source *source, FILE *out)
{
	struct intern *names = intern__new();
	struct numbering frames = {0};
	int err = names ? 0 : -ENOMEM;

	fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
	      "\"exporter\":\"hakprobe " HAK_VERSION "\",\n\"name\":",
	      out);
	text__json(out, source->note ? source->note : "hakprobe");
	fputs(",\n\"activeProfileIndex\":0,\n\"profiles\":[", out);
	for (size_t i = 0; i < source->profile_count && !err; i++) {
		fputs(i ? ",\n" : "", out);
		err = write_profile(source->profiles[i], names, &frames, out);
	}
	fputs("],\n\"shared\":{\"frames\":[", out);
	for (size_t i = 0; i < frames.count; i++) {
		fputs(i ? ",\n{\"name\":" : "{\"name\":", out);
		text__json(out, frames.list[i].thing);
		fputc('}', out);
	}
	fputs("]}}\n", out);
	if (!err && ferror(out))
		err = -EIO;
	numbering__clear(&frames);
	if (names)
		intern__free(names);
	return err;
}
