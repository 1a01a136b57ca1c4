/* SPDX-License-Identifier: MIT */
/*
 * hakbench WORKLOAD: performs a workload with whichever allocator the program was started with
 * (LD_PRELOAD), and says which that was. docs/lab.md says what the figures mean.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/lab/lab.h"
#include "bench/run/proof.h"
#include "bench/run/report.h"
#include "bench/lab/stats.h"

const char *argp_program_version = "hakbench " HAK_VERSION;

static int prove(int argc, char **argv);
static int print_median(int argc, char **argv);

/* What is not the name of a workload. */
static const struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the name; the exit status */
	const char *summary;
} commands[] = {
        {"ab", lab_main, "is one of two arms faster? with a verdict"},
        {"gap", lab_main, "what of the difference to the system's malloc is the allocator"},
        {"compare", lab_main, "all workloads with several allocators"},
        {"report", lab_main, "a result of these as a table and a plot"},
        {"prove", prove, "what this process can prove about its allocator, as JSON"},
        {"median", print_median, "of the numbers on stdin, with its 95 % interval"},
        {0},
};

enum { KEY_SEED = 256, KEY_SIZE, KEY_SLOTS, KEY_TOUCH, KEY_NULL, KEY_SLICES, KEY_JSON, KEY_TRACE };

static const struct argp_option option_table[] = {
        {"threads", 't', "N", 0, "Number of threads (default 1; pc, xmalloc: 2)", 0},
        {"ops", 'n', "N", 0, "Operations per thread", 0},
        {"duration", 'd', "SECONDS", 0, "Run for so long (default 1)", 0},
        {"seed", KEY_SEED, "N", 0, "Seed of the random numbers (default 1)", 0},
        {"size", KEY_SIZE, "BYTES", 0, "Size for hit and xmalloc (default 64, at least 8)", 0},
        {"slots", KEY_SLOTS, "N", 0,
         "Slots, of which half are full: twice the live blocks (default 400; mixed, c6, c7, tiny, "
         "calloc)",
         0},
        {"touch", KEY_TOUCH, "BYTES", 0, "Bytes to write to each new block (default and least 8)",
         0},
        {"null", KEY_NULL, NULL, 0,
         "Same loop, no allocator: what to subtract (mixed, c6, c7, tiny, hit)", 0},
        {"trace", KEY_TRACE, "FILE", 0, "Recorded trace for the workload trace", 0},
        {"slices", KEY_SLICES, "MS", 0,
         "Print `slice TIME OPS CPU` every MS milliseconds (with -d)", 0},
        {"json", KEY_JSON, NULL, 0, "One JSON object instead of text", 0},
        {0},
};

/* What the command line asks for. */
struct request {
	const char *workload;
	struct bench_options options;
};

static double number(struct argp_state *state, const char *text, double least, double most)
{
	char *end;
	errno = 0;
	double value = strtod(text, &end);
	if (errno || end == text || *end || !(value >= least && value <= most))
		argp_error(state, "'%s' is not a number from %.15g to %.15g", text, least, most);
	return value;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct request *request = state->input;
	struct bench_options *options = &request->options;
	switch (key) {
	case 't':
		options->threads = (unsigned)number(state, argument, 1, BENCH_MAX_THREADS);
		break;
	case 'n':
		options->ops = (uint64_t)number(state, argument, 1, 1e15);
		break;
	case 'd':
		options->seconds = number(state, argument, 0.001, 1e6);
		break;
	case KEY_SEED:
		options->seed = (uint64_t)number(state, argument, 0, 1e15);
		break;
	case KEY_SIZE:
		options->size = (size_t)number(state, argument, 8, 1 << 30);
		break;
	case KEY_SLOTS:
		options->slots = (uint32_t)number(state, argument, 2, 1 << 30);
		break;
	case KEY_TOUCH:
		options->touch = (size_t)number(state, argument, 8, 1 << 30);
		break;
	case KEY_NULL:
		options->null = true;
		break;
	case KEY_SLICES:
		options->slice_ms = (unsigned)number(state, argument, 1, 1e6);
		break;
	case KEY_TRACE:
		options->trace = argument;
		break;
	case KEY_JSON:
		options->json = true;
		break;
	case ARGP_KEY_ARG:
		if (request->workload)
			argp_error(state, "one workload at a time");
		request->workload = argument;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which workload?");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* argp frees what a help filter returns. */
static char *list_workloads(int key, const char *text, void *input)
{
	(void)input;
	char *help = NULL;
	size_t length = 0;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	FILE *stream = open_memstream(&help, &length);
	if (!stream)
		return NULL;
	fprintf(stream, "Workloads:\n");
	for (size_t i = 0; workloads[i]; i++)
		fprintf(stream, "  %-9s%s\n", workloads[i]->name, workloads[i]->help);
	fprintf(stream, "\nCommands (hakbench COMMAND --help):\n");
	for (const struct command *command = commands; command->name; command++)
		fprintf(stream, "  %-9s%s\n", command->name, command->summary);
	fclose(stream);
	return help;
}

static void usage_error(const char *format, const char *what)
{
	fprintf(stderr, "hakbench: ");
	fprintf(stderr, format, what);
	fprintf(stderr, "\n");
	exit(2);
}

/* Checks what depends on the workload and fills in what was not given. */
static void complete(const struct workload *workload, struct bench_options *options)
{
	if (options->null && !workload->null)
		usage_error("%s has no --null loop", workload->name);
	if (options->slots && !workload->slots)
		usage_error("%s has no --slots", workload->name);
	if (workload->whole)
		options->threads = trace_prepare(options->trace);
	if (!options->threads)
		options->threads = workload->pairs ? 2 : 1;
	if (workload->pairs && options->threads % 2)
		usage_error("%s needs an even number of threads", workload->name);
	if (options->ops && options->seconds > 0)
		usage_error("%s: either -n or -d", workload->name);
	if (!options->ops && !(options->seconds > 0))
		options->ops = workload->default_ops;
	if (!options->ops && !(options->seconds > 0))
		options->seconds = 1;
	if (options->slice_ms && options->ops)
		usage_error("%s: --slices needs -d", workload->name);
}

/* Of a command without arguments: answers --help, and refuses all else. */
static void take_nothing(int argc, char **argv)
{
	const struct command *command = commands;
	if (argc == 1)
		return;
	if (strcmp(argv[1], "--help") != 0)
		usage_error("'%s': the command takes no arguments", argv[1]);
	while (strcmp(argv[0], command->name) != 0)
		command++;
	printf("Usage: hakbench %s\n%s\n", command->name, command->summary);
	exit(0);
}

static int print_median(int argc, char **argv)
{
	static double values[STATS_MAX];
	size_t count = 0;
	take_nothing(argc, argv);
	while (count < STATS_MAX && scanf("%lf", &values[count]) == 1)
		count++;
	if (!count)
		usage_error("%s: no numbers on stdin", "median");
	struct interval interval = stats_median_interval(values, count);
	printf("%.4f %.4f %.4f\n", interval.median, interval.low, interval.high);
	return 0;
}

static int prove(int argc, char **argv)
{
	take_nothing(argc, argv);
	proof_print(true);
	printf("\n");
	return 0;
}

static int run_workload(int argc, char **argv)
{
	struct request request = {.options = {.seed = 1, .size = 64, .touch = 8}};
	const struct argp argp = {
	        .options = option_table,
	        .parser = parse,
	        .args_doc = "WORKLOAD",
	        .help_filter = list_workloads,
	        .doc = "Performs an allocation workload and says what it cost.\vWorkloads",
	};
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &request);
	const struct workload *workload = workload_find(request.workload);
	if (!workload)
		usage_error("no workload '%s' (hakbench --help lists them)", request.workload);
	complete(workload, &request.options);

	struct result result = runner_run(workload, &request.options);
	if (request.options.json)
		report_json(workload, &request.options, &result);
	else
		report_text(workload, &request.options, &result);
	return 0;
}

int main(int argc, char **argv)
{
	for (const struct command *command = commands; argc > 1 && command->name; command++)
		if (strcmp(argv[1], command->name) == 0)
			return command->run(argc - 1, argv + 1);
	return run_workload(argc, argv);
}
