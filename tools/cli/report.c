/* SPDX-License-Identifier: MIT */
#include "tools/cli/report.h"

#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/memory.h"
#include "tools/base/say.h"
#include "tools/base/units.h"
#include "tools/capture/capture.h"
#include "tools/capture/symbols.h"
#include "tools/cli/cli.h"
#include "tools/export/export.h"
#include "tools/profile/profile.h"

enum {
	ARGUMENTS_MAX = 64,
	FRAMES_MAX = 16384,
	TOP_DEFAULT = 20,
	CALLERS = 3, /* frames that a row of the table shows */
	KEY_TOP = 0x100,
	KEY_DEBUG_DIR,
};

#define BYTES(value) (units__bytes(value).text)

struct arguments {
	const char *files[ARGUMENTS_MAX];
	size_t file_count;
	const char *outputs[ARGUMENTS_MAX];
	size_t output_count;
	const char *debug_directory;
	unsigned long top;
};

/* What one caller of the allocator has asked for. */
struct caller {
	const char *name;
	double bytes;
	uint64_t samples;
};

struct summary {
	struct profile *profile;
	struct intern *names;
	struct caller *callers;
	size_t count, room;
	uint64_t truncated;
	uint64_t frees;
	uint64_t lost;
};

/* --- arguments ------------------------------------------------------------------------------- */

static const struct argp_option table[] = {
        {"output", 'o', "FILE", 0,
         "Write a flame graph to FILE instead of the table; the suffix names the format. May be "
         "given several times",
         0},
        {"top", KEY_TOP, "N", 0, "Rows of the table (default 20)", 0},
        {"debug-dir", KEY_DEBUG_DIR, "DIR", 0,
         "Look for debug files in DIR/.build-id before /usr/lib/debug", 0},
        {0},
};

static void add(const char **list, size_t *count, const char *text)
{
	if (*count == ARGUMENTS_MAX)
		cli__usage_error("report: argument", text, "at most 64 files");
	list[(*count)++] = text;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	char *end;

	switch (key) {
	case 'o':
		add(arguments->outputs, &arguments->output_count, argument);
		break;
	case KEY_TOP:
		arguments->top = strtoul(argument, &end, 10);
		if (end == argument || *end || *argument == '-' || !arguments->top)
			cli__usage_error("report: --top", argument, "give a whole number above 0");
		break;
	case KEY_DEBUG_DIR:
		arguments->debug_directory = argument;
		break;
	case ARGP_KEY_ARG:
		add(arguments->files, &arguments->file_count, argument);
		break;
	case ARGP_KEY_END:
		if (!arguments->file_count)
			cli__usage_error("report: no capture named", NULL,
			                 "hakprobe report FILE.hak …");
		break;
	case ARGP_KEY_ERROR:
		cli__usage_error("report: option", state->argv[state->next - 1],
		                 CLI_UNKNOWN_OPTION);
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void parse_arguments(struct arguments *arguments, int argc, char **argv)
{
	static const struct argp parser = {table,
	                                   parse,
	                                   "FILE…",
	                                   "Reports what captures hold that were written with "
	                                   "hakprobe --flame alloc -o FILE.hak: "
	                                   "without -o the top callers as a table, with -o a flame "
	                                   "graph of all captures together.",
	                                   NULL,
	                                   NULL,
	                                   NULL};

	memset(arguments, 0, sizeof(*arguments));
	arguments->top = TOP_DEFAULT;
	cli__parse(&parser, 0, argc, argv, arguments);
}

/* --- sums ------------------------------------------------------------------------------------ */

static int count_caller(struct summary *summary, const char *name, double bytes)
{
	struct caller *grown;
	size_t i;

	name = intern__string(summary->names, name);
	if (!name)
		return -ENOMEM;
	for (i = 0; i < summary->count && summary->callers[i].name != name; i++)
		;
	if (i == summary->room) {
		summary->room = summary->room ? 2 * summary->room : 256;
		grown = reallocarray(summary->callers, summary->room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		summary->callers = grown;
	}
	if (i == summary->count)
		summary->callers[summary->count++] = (struct caller){.name = name};
	summary->callers[i].bytes += bytes;
	summary->callers[i].samples++;
	return 0;
}

struct stack_names {
	const char **names;
	size_t count;
};

static int name_stack(struct capture_symbols *symbols, const struct capture_stack *stack,
                      struct stack_names *result)
{
	static const char *names[FRAMES_MAX];
	size_t n = 0;

	if (stack->flags & CAPTURE_TRUNCATED)
		names[n++] = PROFILE_TRUNCATED;
	for (uint32_t i = 0; i < stack->count && n < FRAMES_MAX; i++)
		n += capture_symbols__names(symbols, &stack->frames[i], &names[n], FRAMES_MAX - n);
	result->names = malloc((n + 1) * sizeof(*names));
	if (!result->names)
		return -ENOMEM;
	memcpy(result->names, names, n * sizeof(*names));
	result->count = n;
	return 0;
}

/* The allocator's callers, the innermost first: many programs wrap malloc once or twice. */
static const char *describe(const struct stack_names *stack, char *text, size_t size)
{
	size_t used = 0;

	snprintf(text, size, "[unknown]");
	for (size_t i = 2; i <= stack->count && i < 2 + CALLERS && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%.200s", i > 2 ? " < " : "",
		                         stack->names[stack->count - i]);
	return text;
}

static int add_samples(struct summary *summary, const struct capture *capture,
                       struct capture_symbols *symbols, struct stack_names *stacks)
{
	char text[CALLERS * 210];
	int err = 0;

	for (uint64_t i = 0; i < capture->end.samples && !err; i++) {
		const struct capture_sample *sample = &capture->samples[i];
		struct stack_names *stack = &stacks[sample->stack];
		double bytes = (double)sample->weighted_bytes;

		if (!stack->names)
			err = name_stack(symbols, capture->stacks[sample->stack], stack);
		if (!err)
			err = profile__add(summary->profile, stack->names, stack->count, bytes, 1);
		if (!err)
			err = count_caller(summary, describe(stack, text, sizeof(text)), bytes);
		summary->truncated += capture->stacks[sample->stack]->flags & CAPTURE_TRUNCATED;
	}
	return err;
}

static int add_capture(struct summary *summary, const struct capture *capture,
                       const char *directory)
{
	struct capture_symbols *symbols = capture_symbols__new(capture, directory);
	struct stack_names *stacks = calloc(capture->end.stacks + 1, sizeof(*stacks));
	int err = symbols && stacks ? add_samples(summary, capture, symbols, stacks) : -ENOMEM;

	for (uint64_t i = 0; stacks && i < capture->end.stacks; i++)
		free(stacks[i].names);
	free(stacks);
	capture_symbols__free(symbols);
	summary->frees += capture->end.frees;
	summary->lost += capture->end.lost;
	return err;
}

/* --- output ---------------------------------------------------------------------------------- */

static void show_capture(const char *path, const struct capture *capture)
{
	uint64_t mallocs = 0, frees = 0;
	char a[256], b[256], c[256];

	for (uint64_t i = 0; i < capture->end.classes; i++) {
		mallocs += capture->classes[i].mallocs;
		frees += capture->classes[i].frees;
	}
	printf("capture   %s: pid %s: %s\n", path, capture__info(capture, "pid", a, sizeof(a)),
	       capture__info(capture, "command", b, sizeof(b)));
	printf("taken     %s for %s s, unwinder %s\n", capture__info(capture, "time", a, sizeof(a)),
	       capture__info(capture, "seconds", b, sizeof(b)),
	       capture__info(capture, "unwinder", c, sizeof(c)));
	printf("exactly   %llu mallocs and %llu frees meanwhile\n", (unsigned long long)mallocs,
	       (unsigned long long)frees);
}

static int by_bytes(const void *left, const void *right)
{
	const struct caller *a = left, *b = right;

	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	return strcmp(a->name, b->name);
}

static void show_table(struct summary *summary, unsigned long top)
{
	double all = profile__weight(summary->profile);

	printf("samples   %llu stand for %s; %llu stacks are truncated, %llu samples were lost, "
	       "%llu frees seen\n\n",
	       (unsigned long long)profile__count(summary->profile), BYTES(all),
	       (unsigned long long)summary->truncated, (unsigned long long)summary->lost,
	       (unsigned long long)summary->frees);
	if (summary->count)
		qsort(summary->callers, summary->count, sizeof(*summary->callers), by_bytes);
	printf("%12s  %6s  %8s  caller\n", "allocated", "share", "samples");
	for (size_t i = 0; i < summary->count && i < top; i++) {
		const struct caller *caller = &summary->callers[i];

		printf("%12s  %5.1f%%  %8llu  %s\n", BYTES(caller->bytes),
		       all > 0 ? 100 * caller->bytes / all : 0, (unsigned long long)caller->samples,
		       caller->name);
	}
	if (summary->count > top)
		printf("  ... and %zu callers more\n", summary->count - top);
}

static int write_outputs(const struct arguments *arguments, const struct summary *summary)
{
	char note[512];
	int result = 0;

	snprintf(note, sizeof(note), "%.300s%s: %llu sampled allocations", arguments->files[0],
	         arguments->file_count > 1 ? " and more" : "",
	         (unsigned long long)profile__count(summary->profile));
	for (size_t i = 0; i < arguments->output_count; i++) {
		const char *path = arguments->outputs[i];
		int err = export_profile(summary->profile, note, path);

		if (err == -EINVAL)
			cli__usage_error("report: -o", path,
			                 "the suffix does not name a format of flame graphs");
		if (say__written(path, err))
			result = err;
	}
	return result;
}

static int read_all(const struct arguments *arguments, struct summary *summary)
{
	int err = 0;

	for (size_t i = 0; i < arguments->file_count && !err; i++) {
		struct capture *capture;
		char why[256];

		err = capture__read(&capture, arguments->files[i], why, sizeof(why));
		if (err) {
			say("%s %s", arguments->files[i], why);
			return err;
		}
		err = add_capture(summary, capture, arguments->debug_directory);
		if (err)
			say("out of memory");
		else if (!arguments->output_count)
			show_capture(arguments->files[i], capture);
		capture__free(capture);
	}
	return err;
}

int report_main(int argc, char **argv)
{
	struct summary summary = {0};
	struct arguments arguments;
	int err;

	memory__set_ceiling();
	parse_arguments(&arguments, argc, argv);
	summary.profile = profile__new("allocated bytes", "bytes");
	summary.names = intern__new();
	if (!summary.profile || !summary.names) {
		say("out of memory");
		err = -ENOMEM;
	} else {
		err = read_all(&arguments, &summary);
	}
	if (!err && arguments.output_count)
		err = write_outputs(&arguments, &summary);
	else if (!err)
		show_table(&summary, arguments.top);
	profile__free(summary.profile);
	intern__free(summary.names);
	free(summary.callers);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
