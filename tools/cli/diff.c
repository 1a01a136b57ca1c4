/* SPDX-License-Identifier: MIT */
#include "tools/cli/diff.h"

#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/memory.h"
#include "tools/base/say.h"
#include "tools/base/units.h"
#include "tools/cli/cli.h"
#include "tools/export/export.h"
#include "tools/profile/import.h"
#include "tools/profile/profile.h"

enum {
	KEY_REVERSE = 0x200,
	KEY_NORMALISE,
	KEY_UNIT,
};

struct diff {
	const char *inputs[2]; /* before, after */
	int input_count;
	const char *outputs[2]; /* widths as asked for; the other way round */
	int output_count;
	bool reverse;
	bool normalise;
	const char *unit;
};

/* --- command line ---------------------------------------------------------------------------- */

static const struct argp_option table[] = {
        {"output", 'o', "FILE.svg", 0,
         "Write the differential flame graph to FILE: widths are those of AFTER; a second -o "
         "gets it with the widths of BEFORE",
         0},
        {"reverse", KEY_REVERSE, NULL, 0,
         "Widths are those of BEFORE, so that what is gone is seen (and those of AFTER in the "
         "second file)",
         0},
        {"normalise", KEY_NORMALISE, NULL, 0,
         "Scale BEFORE to the total of AFTER: compares shares, not amounts", 0},
        {"unit", KEY_UNIT, "UNIT", 0,
         "Of folded files: bytes (default), ns, or a word (pprof files name theirs)", 0},
        {0},
};

static void add_output(struct diff *diff, const char *path)
{
	const struct export_format *format = export_format__of(path);

	if (!format || strcmp(format->suffix, ".svg") != 0)
		cli__usage_error("diff:", path, "a differential flame graph is an .svg");
	if (diff->output_count == 2)
		cli__usage_error("diff:", path, "there are two directions, so at most two files");
	diff->outputs[diff->output_count++] = path;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct diff *diff = state->input;

	switch (key) {
	case 'o':
		add_output(diff, argument);
		break;
	case KEY_REVERSE:
		diff->reverse = true;
		break;
	case KEY_NORMALISE:
		diff->normalise = true;
		break;
	case KEY_UNIT:
		diff->unit = argument;
		break;
	case ARGP_KEY_ARG:
		if (diff->input_count == 2)
			cli__usage_error("diff:", argument, "two files are compared, no more");
		diff->inputs[diff->input_count++] = argument;
		break;
	case ARGP_KEY_END:
		if (diff->input_count < 2)
			cli__usage_error("diff: two files are needed", NULL,
			                 "hakprobe diff BEFORE AFTER -o FILE.svg");
		if (!diff->output_count)
			cli__usage_error("diff: no output", NULL, "say where to with -o FILE.svg");
		break;
	case ARGP_KEY_ERROR:
		cli__usage_error("diff:", state->argv[state->next - 1], CLI_UNKNOWN_OPTION);
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* --- work ------------------------------------------------------------------------------------ */

static int add_stack(void *context, const char *const *frames, size_t count, double weight)
{
	return profile__add(context, frames, count, weight, 1);
}

/* Reads one side; its unit, when it names one, must be that of the other. */
static int read_side(struct diff *diff, const char *path, struct profile **profile)
{
	const char *unit;
	int err;

	*profile = profile__new("", "");
	err = *profile ? import_profile(path, add_stack, *profile, &unit) : -ENOMEM;
	if (err) {
		say("diff: cannot read %s: %s", path,
		    err == -EINVAL   ? "it is neither .folded nor .pb.gz"
		    : err == -EPROTO ? "it is not in the format that its suffix names"
		                     : strerror(-err));
		return err;
	}
	if (*unit && diff->unit && strcmp(unit, diff->unit) != 0) {
		say("diff: %s is in %s, the other in %s", path, unit, diff->unit);
		return -EINVAL;
	}
	if (*unit)
		diff->unit = unit;
	return 0;
}

/* Copies the stacks of one profile into one side of another. */
struct copy {
	struct profile *to;
	bool other;
	double scale;
	const char **path;
	size_t depths;
};

static int copy_frame(const struct profile_frame *frame, void *context)
{
	struct copy *copy = context;
	double weight = frame->self_weight * copy->scale;
	int err;

	if (frame->depth >= copy->depths) {
		size_t depths = 2 * frame->depth + 16;
		const char **path = reallocarray(copy->path, depths, sizeof(*path));

		if (!path)
			return -ENOMEM;
		copy->path = path;
		copy->depths = depths;
	}
	copy->path[frame->depth] = frame->name;
	if (!frame->self_count)
		return PROFILE_INTO;
	err = copy->other ? profile__add_other(copy->to, copy->path, frame->depth + 1, weight)
	                  : profile__add(copy->to, copy->path, frame->depth + 1, weight, 1);
	return err ? err : PROFILE_INTO;
}

static int copy_side(struct profile *to, bool other, const struct profile *from, double scale)
{
	struct copy copy = {.to = to, .other = other, .scale = scale};
	int err = profile__walk(from, copy_frame, &copy);

	free(copy.path);
	return err;
}

static int write_direction(const struct diff *diff, struct profile *sides[2], bool reverse,
                           const char *path)
{
	double total[2] = {profile__weight(sides[0]), profile__weight(sides[1])};
	double scale = diff->normalise && total[0] > 0 ? total[1] / total[0] : 1;
	struct profile *both;
	char title[64], note[1024];
	int err = -ENOMEM;

	snprintf(title, sizeof(title), "what has changed: widths %s%s",
	         reverse ? "before" : "after", diff->normalise ? ", normalised" : "");
	snprintf(note, sizeof(note), "before: %.400s; after: %.400s", diff->inputs[0],
	         diff->inputs[1]);
	both = profile__new(title, diff->unit);
	if (both) {
		profile__compare(both, reverse ? PROFILE_WITH_LATER : PROFILE_WITH_EARLIER);
		err = copy_side(both, reverse, sides[1], 1);
	}
	if (!err)
		err = copy_side(both, !reverse, sides[0], scale);
	if (!err)
		err = export_profile(both, note, path);
	profile__free(both);
	return say__written(path, err);
}

int diff_main(int argc, char **argv)
{
	static const struct argp parser = {table,
	                                   parse_option,
	                                   "BEFORE AFTER",
	                                   "Compares two profiles (.folded or .pb.gz) in a flame "
	                                   "graph: red grew, blue shrank.",
	                                   NULL,
	                                   NULL,
	                                   NULL};
	struct profile *sides[2] = {NULL, NULL};
	struct diff diff = {0};
	int err;

	memory__set_ceiling();
	argv[0] = (char *)(uintptr_t) "hakprobe diff";
	cli__parse(&parser, 0, argc, argv, &diff);
	err = read_side(&diff, diff.inputs[0], &sides[0]);
	if (!err)
		err = read_side(&diff, diff.inputs[1], &sides[1]);
	if (!diff.unit)
		diff.unit = "bytes";
	for (int i = 0; i < diff.output_count && !err; i++)
		err = write_direction(&diff, sides, diff.reverse != (i == 1), diff.outputs[i]);
	profile__free(sides[0]);
	profile__free(sides[1]);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
