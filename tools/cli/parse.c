/* SPDX-License-Identifier: MIT */
#include "tools/cli/parse.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/record.h"
#include "tools/cli/cli.h"
#include "tools/export/export.h"
#include "tools/target/figures.h"

enum {
	HZ_DEFAULT = 249, /* about 0.4 % of a core in a virtual machine; docs/hakprobe.md */
	HZ_MAX = 9999,
	KEY_JSON = 0x100,
	KEY_FLAME,
	KEY_VERBOSE,
	KEY_NO_READ,
	KEY_HZ,
	KEY_UNWIND,
	KEY_OLDER,
	KEY_WITHIN,
	KEY_LINES,
	KEY_VIEW,
	KEY_SORT,
	KEY_CEILING,
	KEY_LATENCY,
	KEY_LIBRARY,
	KEY_CLASS,
	KEY_ROUTE,
	WITHIN_MS_DEFAULT = 10,
};

const char *argp_program_version = "hakprobe " HAK_VERSION;

static const struct argp_option table[] = {
        {"pid", 'p', "PID[,PID...]", 0,
         "Watch these processes, which run on libhakmem; without -p every process that does", 0},
        {"command", 'c', "COMMAND [ARGS...]", 0,
         "Run COMMAND under libhakmem and watch it from its first malloc; exits with its status. "
         "The last option: all that follows belongs to COMMAND",
         0},
        {"library", KEY_LIBRARY, "FILE", 0,
         "The libhakmem.so for -c; without it the one installed or built with hakprobe", 0},
        {"class", KEY_CLASS, "N|SIZE", 0,
         "Only size class N, or that of blocks of SIZE bytes (64B, 4KiB), in tables and flame "
         "graphs",
         0},
        {"route", KEY_ROUTE, "ROUTE", 0,
         "Only mallocs that ROUTE serves (magazine, previous, depot, span, large, ...), in tables and "
         "flame graphs of allocations",
         0},
        {"duration", 'd', "SECONDS", 0, "Stop after so many seconds", 0},
        {"json", KEY_JSON, NULL, 0, "Print one JSON object a line for each interval", 0},
        {"lines", KEY_LINES, NULL, 0, "Plain lines on a terminal too, no full-screen view", 0},
        {"view", KEY_VIEW, "VIEW", 0,
         "What the table shows: class, thread, function, or caller (with --flame alloc)", 0},
        {"sort", KEY_SORT, "KEY", 0,
         "What it is sorted by: malloc, free, bytes, cold, refill or name", 0},
        {"latency", KEY_LATENCY, NULL, 0,
         "Histograms of how long cold visits take, by route: two traps a visit, in windows that "
         "the ceiling allows",
         0},
        {"ceiling", KEY_CEILING, "PERCENT", 0,
         "What watching may cost, in percent of a core for each busy thread of the target "
         "(0.01 to 100, default 1); sampling gives way",
         0},
        {"flame", KEY_FLAME, "KIND[,KIND...]", 0,
         "Make flame graphs; KIND alloc: where allocated bytes come from; live: of these, what "
         "is not freed yet; temporary: what was freed soon; cpu: where the allocator's CPU "
         "time goes",
         0},
        {"output", 'o', "[KIND=]FILE", 0,
         "Write flame graphs to FILE: " EXPORT_SUFFIXES
         "; %k in it stands for each kind; or the raw "
         "samples (.hak, for hakprobe report); may be given several times",
         0},
        {"older", KEY_OLDER, "MS", 0, "live: of at least that age in ms (default 0)", 0},
        {"within", KEY_WITHIN, "MS", 0, "temporary: freed within so many ms (default 10)", 0},
        {"unwind", KEY_UNWIND, "HOW", 0,
         "Follow stacks by HOW: dwarf (call frame information), fp (frame pointers, cheaper), or "
         "auto (default): dwarf, and fp where that has nothing",
         0},
        {"hz", KEY_HZ, "N", 0,
         "Sample instruction pointers N times a second and CPU, for what malloc and free cost "
         "(1 to 9999, default 249)",
         0},
        {"no-read", KEY_NO_READ, NULL, 0,
         "Do not read the target's memory: tallies alone, as where ptrace access is refused", 0},
        {"verbose", KEY_VERBOSE, NULL, 0, "Show libbpf's log on stderr", 0},
        {0},
};

static const char about[] =
        "Shows what libhakmem does inside a running process: totals, routes, refills, memory, "
        "and the cost of malloc and free, every INTERVAL seconds (default 1), COUNT times or "
        "until Ctrl-C."
        "\vThe target is neither stopped nor changed. Data goes to stdout, all else to stderr. "
        "Needs root, or CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE. docs/hakprobe.md is the manual.";

/* What the parser is given. */
struct parsing {
	struct options *options;
	const struct cli_command *commands;
};

static double parse_seconds(const char *what, const char *text)
{
	char *end;
	double value;

	errno = 0;
	value = strtod(text, &end);
	if (errno || end == text || *end || !isfinite(value) || value < 0.01 || value > 1e6)
		cli__usage_error(what, text, "give a number of seconds from 0.01 to 1000000");
	return value;
}

static unsigned long parse_count(const char *what, const char *text, unsigned long max)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || !value || value > max)
		cli__usage_error(what, text,
		                 max == HZ_MAX ? "give a whole number from 1 to 9999"
		                               : "give a whole number above 0");
	return value;
}

/* One of `count` words. */
static int parse_word(const char *what, const char *text, const char *const *words, int count,
                      const char *remedy)
{
	for (int i = 0; i < count; i++) {
		if (!strcmp(text, words[i]))
			return i;
	}
	cli__usage_error(what, text, remedy);
}

static double parse_ceiling(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !isfinite(value) || value < 0.01 || value > 100)
		cli__usage_error("--ceiling", text, "give percent of a core, from 0.01 to 100");
	return value / 100;
}

static void add_pids(struct options *options, const char *text)
{
	char *list = strdup(text), *rest = list, *word;

	if (!list || !*list)
		cli__usage_error("-p", text, "give a whole number above 0");
	while ((word = strsep(&rest, ","))) {
		if (options->pid_count == OPTIONS_PIDS)
			cli__usage_error("-p", text, "at most 64 processes");
		options->pids[options->pid_count++] = (pid_t)parse_count("-p", word, INT_MAX);
	}
	free(list);
}

/* "12" is a class, "64B", "4K" and "4KiB" the class of such blocks. */
static void parse_class(struct options *options, const char *text)
{
	const char *remedy =
	        "give a size class from 0 to 104, or a block's size such as 64B or 4KiB";
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *text == '-')
		cli__usage_error("--class", text, remedy);
	if (!*end && value < HAK_CLASS_COUNT) {
		options->class = (int)value;
		return;
	}
	if (!strcmp(end, "K") || !strcmp(end, "KiB"))
		value *= 1024;
	else if (strcmp(end, "B") != 0)
		cli__usage_error("--class", text, remedy);
	if (!value || value > 1 << 20)
		cli__usage_error("--class", text, remedy);
	options->class_size = value;
}

static void parse_route(struct options *options, const char *text)
{
	for (int i = 0; i < HAK_ROUTE_COUNT; i++) {
		if (!strcmp(text, figures__route_name(i))) {
			options->route = i;
			options->flame.route = figures__route_name(i);
			return;
		}
	}
	cli__usage_error("--route", text,
	                 "the routes are magazine, previous, depot, span, large, aligned, sampled, "
	                 "checked and libc");
}

/* What a sampled block's route would have been is known of some only. */
static void check_route(const struct options *options)
{
	const unsigned kinds = options->flame.kinds;
	const char *name;

	if (options->route == HAK_ROUTE_COUNT || !flame_kinds__need_alloc(kinds))
		return;
	name = figures__route_name(options->route);
	if (options->route == HAK_ROUTE_ALIGNED || options->route == HAK_ROUTE_SAMPLED ||
	    options->route == HAK_ROUTE_LIBC)
		cli__usage_error("--route", name,
		                 "there is no flame graph by this route, only tables");
	if (options__route_is_visits(options) &&
	    (flame_kinds__need_free(kinds) || options->capture))
		cli__usage_error(
		        "--route", name,
		        "of this route --flame alloc and cpu can be had, without .hak file");
}

/* Everything from COMMAND on is the command's. */
static void take_command(struct options *options, char *command, struct argp_state *state)
{
	if (!*command)
		cli__usage_error("-c", NULL, "say which program to run");
	state->argv[state->next - 1] = command; /* "-cCOMMAND" as well */
	options->command = &state->argv[state->next - 1];
	state->next = state->argc;
}

static void add_output(struct options *options, const char *path)
{
	const char *suffix = strrchr(path, '.');

	if (suffix && !strcmp(suffix, ".hak")) {
		if (options->capture)
			cli__usage_error("-o", path, "one .hak file is enough");
		options->capture = path;
		return;
	}
	if (!export_format__of(path))
		cli__usage_error("-o", path,
		                 "the suffix names the format: " EXPORT_SUFFIXES ", or .hak");
	if (options->output_count == OPTIONS_OUTPUTS)
		cli__usage_error("-o", path, "at most 16 files");
	options->output_arguments[options->output_count++] = path;
}

static void add_kinds(struct options *options, const char *list)
{
	unsigned kinds = outputs__parse_kinds(list, strlen(list));

	if (!kinds)
		cli__usage_error("--flame", list,
		                 "the kinds of flame graph are alloc, live, temporary and cpu");
	options->flame.kinds |= kinds;
}

static uint64_t parse_ms(const char *what, const char *text)
{
	char *end;
	double value;

	errno = 0;
	value = strtod(text, &end);
	if (errno || end == text || *end || !isfinite(value) || value < 0 || value > 1e9)
		cli__usage_error(what, text, "give a number of milliseconds from 0 to 1000000000");
	return (uint64_t)(value * 1e6);
}

static enum unwind_mode parse_unwind(const char *text)
{
	if (!strcmp(text, "auto"))
		return UNWIND_AUTO;
	if (!strcmp(text, "dwarf"))
		return UNWIND_DWARF;
	if (!strcmp(text, "fp"))
		return UNWIND_FP;
	cli__usage_error("--unwind", text, "it is auto, dwarf or fp");
}

static void parse_position(struct options *options, unsigned position, const char *text)
{
	if (position == 0)
		options->interval = parse_seconds("INTERVAL", text);
	else if (position == 1)
		options->count = parse_count("COUNT", text, ULONG_MAX);
	else
		cli__usage_error("argument", text,
		                 "after the options come INTERVAL and COUNT, nothing more");
}

/* As given last, for messages. */
static const char *flame_kinds;

static void check(struct options *options)
{
	if (options->command && options->pid_count)
		cli__usage_error("-c", options->command[0], "is not for a process of -p as well");
	if (options->library && !options->command)
		cli__usage_error("--library", options->library, "it is for a program of -c");
	if (options->view == VIEW_CALLERS && !flame_kinds__need_alloc(options->flame.kinds))
		cli__usage_error("--view", "caller",
		                 "callers are known with --flame alloc, live or temporary only");
	if (options->flame.kinds && !options->output_count && !options->capture)
		cli__usage_error("--flame", flame_kinds,
		                 "say where to with -o FILE.svg or another -o FILE");
	if (options->capture && options->flame.kinds &&
	    !flame_kinds__need_alloc(options->flame.kinds))
		cli__usage_error("-o", options->capture,
		                 "a .hak file holds allocations: --flame alloc");
	if (!options->flame.kinds && (options->output_count || options->capture))
		cli__usage_error("-o",
		                 options->capture ? options->capture : options->output_arguments[0],
		                 "say what to write with --flame alloc or another kind");
	check_route(options);
	for (size_t i = 0; i < options->output_count; i++) {
		const char *argument = options->output_arguments[i];
		const char *problem =
		        outputs__add(&options->outputs, argument, options->flame.kinds);

		if (problem)
			cli__usage_error("-o", argument, problem);
	}
}

/* What is shown and how. */
static error_t parse_view(struct options *options, int key, const char *argument)
{
	switch (key) {
	case KEY_LINES:
		options->lines = true;
		break;
	case KEY_VIEW:
		options->view = (enum report_view)parse_word(
		        "--view", argument, report_view_names, VIEW_COUNT,
		        "the views are class, thread, caller and function");
		break;
	case KEY_SORT:
		options->sort = (enum report_sort)parse_word(
		        "--sort", argument, report_sort_names, SORT_COUNT,
		        "the keys are malloc, free, bytes, cold, refill and name");
		break;
	case KEY_CLASS:
		parse_class(options, argument);
		break;
	case KEY_ROUTE:
		parse_route(options, argument);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = ((struct parsing *)state->input)->options;

	switch (key) {
	case 'p':
		add_pids(options, argument);
		break;
	case 'd':
		options->duration = parse_seconds("-d", argument);
		break;
	case 'o':
		add_output(options, argument);
		break;
	case KEY_JSON:
		options->json = true;
		break;
	case KEY_FLAME:
		flame_kinds = argument;
		add_kinds(options, argument);
		break;
	case KEY_HZ:
		options->hz = (unsigned)parse_count("--hz", argument, HZ_MAX);
		break;
	case KEY_UNWIND:
		options->unwind = parse_unwind(argument);
		break;
	case KEY_OLDER:
		options->flame.older_ns = parse_ms("--older", argument);
		break;
	case KEY_WITHIN:
		options->flame.within_ns = parse_ms("--within", argument);
		break;
	case KEY_CEILING:
		options->ceiling = parse_ceiling(argument);
		break;
	case 'c':
		take_command(options, argument, state);
		break;
	case KEY_LIBRARY:
		options->library = argument;
		break;
	case KEY_LATENCY:
		options->latency = true;
		break;
	case KEY_NO_READ:
		options->no_read = true;
		break;
	case KEY_VERBOSE:
		options->verbose = true;
		break;
	case ARGP_KEY_ARG:
		parse_position(options, state->arg_num, argument);
		break;
	case ARGP_KEY_END:
		check(options);
		break;
	case ARGP_KEY_ERROR:
		cli__usage_error("option", state->argv[state->next - 1], CLI_UNKNOWN_OPTION);
	default:
		return parse_view(options, key, argument);
	}
	return 0;
}

/* argp frees what a help filter returns. */
static char *list_commands(int key, const char *text, void *input)
{
	const struct parsing *parsing = input;
	const struct cli_command *command = parsing ? parsing->commands : NULL;
	char *help = NULL;
	size_t length;
	FILE *out;

	if (key != ARGP_KEY_HELP_POST_DOC || !command)
		return (char *)(uintptr_t)text;
	out = open_memstream(&help, &length);
	if (!out)
		return NULL;
	fprintf(out, "Commands:\n");
	for (; command->name; command++)
		fprintf(out, "  hakprobe %-8s%s%s\n", command->name, command->summary,
		        command->privileged ? " (needs privileges)" : "");
	fprintf(out, "\n%s", text);
	fclose(out);
	return help;
}

void options__parse(struct options *options, const struct cli_command *commands, int argc,
                    char **argv)
{
	struct parsing parsing = {.options = options, .commands = commands};
	static const struct argp parser = {
	        table,         parse_option, "[INTERVAL [COUNT]]\ndoctor [-p PID]", about, NULL,
	        list_commands, NULL};

	memset(options, 0, sizeof(*options));
	options->interval = 1;
	options->hz = HZ_DEFAULT;
	options->flame.within_ns = WITHIN_MS_DEFAULT * 1000000ull;
	options->class = -1;
	options->route = HAK_ROUTE_COUNT;
	options->ceiling = 0.01;
	cli__parse(&parser, ARGP_IN_ORDER, argc, argv, &parsing);
}
