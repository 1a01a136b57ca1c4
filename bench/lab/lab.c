/* SPDX-License-Identifier: MIT */
/* The command line of ab, gap, compare and report. */
#include "bench/lab/lab.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command {
	const char *name;
	int (*run)(const struct lab_options *options);
	unsigned rounds;
	const char *seconds;
	const char *usage;
} commands[] = {
        {"ab", lab_ab, 10, "0.3",
         "hakbench ab [--a K=V]... [--b K=V]... [--a-lib PATH] [--b-lib PATH] [--a-cmd COMMAND]\n"
         "            [--b-cmd COMMAND] [--threshold PERCENT] [options] [WORKLOAD]\n"
         "Is arm B faster than arm A? Exit status: 0 GO, 1 NO-GO, 3 NEUTRAL, 2 usage, 4 no figure\n"
         "(an arm is not what it claims to be). A library is a path, or `system` for none; "
         "default:\n"
         "the libhakmem that belongs to this hakbench.\n"},
        {"gap", lab_gap, 10, "0.3",
         "hakbench gap [--lib PATH] [--limit PERCENT] [options] [WORKLOAD]\n"
         "Splits the difference between libhakmem and the system's malloc into what the allocator\n"
         "does and what the library's presence does, by forcing the same library to use glibc.\n"
         "Exit status: 0, 1 when the forced arm costs more than the limit (6), 4 no figure.\n"},
        {"compare", lab_compare, 5, "0.3",
         "hakbench compare [--lib NAME=PATH]... [--workloads A,B,...] [--threads 1,2] [--quick]\n"
         "                 [--slots N] [--programs FILE] [options] -o DIRECTORY\n"
         "libhakmem, the system's malloc and the libraries, on all workloads or on the programs of\n"
         "the file (a line: NAME COMMAND): results.json, report.md and plots in the directory.\n"},
        {"report", lab_report, 1, NULL,
         "hakbench report FILE... [-o FILE.md] [--plot FILE.svg|FILE.png]\n"
         "The result of ab, gap or compare as Markdown (default: to stdout) and as a plot; several\n"
         "results of compare as one.\n"},
};

static const char options_help[] =
        "  -r, --rounds N       rounds; in each, every arm is measured once\n"
        "  -d, --duration S     seconds of one measurement (default 0.3)\n"
        "  -n, --ops N          operations instead of seconds\n"
        "  -t, --threads N      threads (default 1)\n"
        "      --seed N         of the random numbers\n"
        "      --trace FILE     for the workload trace\n"
        "      --metric M       cpu (default): CPU time per operation; wall: wall time\n"
        "  -o, --output FILE    where the result is kept, as JSON (default "
        "hakbench-COMMAND.json)\n";

enum {
	KEY_A = 256,
	KEY_B,
	KEY_A_LIB,
	KEY_B_LIB,
	KEY_A_CMD,
	KEY_B_CMD,
	KEY_LIB,
	KEY_THRESHOLD,
	KEY_LIMIT,
	KEY_METRIC,
	KEY_SEED,
	KEY_TRACE,
	KEY_WORKLOADS,
	KEY_QUICK,
	KEY_PLOT,
	KEY_SLOTS,
	KEY_PROGRAMS,
};

static const struct option table[] = {
        {"a", 1, NULL, KEY_A},         {"b", 1, NULL, KEY_B},
        {"a-lib", 1, NULL, KEY_A_LIB}, {"b-lib", 1, NULL, KEY_B_LIB},
        {"a-cmd", 1, NULL, KEY_A_CMD}, {"b-cmd", 1, NULL, KEY_B_CMD},
        {"lib", 1, NULL, KEY_LIB},     {"threshold", 1, NULL, KEY_THRESHOLD},
        {"limit", 1, NULL, KEY_LIMIT}, {"metric", 1, NULL, KEY_METRIC},
        {"seed", 1, NULL, KEY_SEED},   {"trace", 1, NULL, KEY_TRACE},
        {"rounds", 1, NULL, 'r'},      {"duration", 1, NULL, 'd'},
        {"ops", 1, NULL, 'n'},         {"threads", 1, NULL, 't'},
        {"output", 1, NULL, 'o'},      {"workloads", 1, NULL, KEY_WORKLOADS},
        {"quick", 0, NULL, KEY_QUICK}, {"plot", 1, NULL, KEY_PLOT},
        {"slots", 1, NULL, KEY_SLOTS}, {"programs", 1, NULL, KEY_PROGRAMS},
        {"help", 0, NULL, 'h'},        {0},
};

static __attribute__((noreturn)) void usage(const struct command *command, const char *what)
{
	if (what)
		fprintf(stderr, "hakbench %s: %s\n", command->name, what);
	fprintf(what ? stderr : stdout, "%s%s", command->usage, options_help);
	exit(what ? 2 : 0);
}

static double number(const struct command *command, const char *text, double least, double most)
{
	char *end;
	double value = strtod(text, &end);
	if (*end || end == text || !(value >= least && value <= most)) {
		char what[200];
		snprintf(what, sizeof(what), "'%.80s' is not a number from %g to %g", text, least,
		         most);
		usage(command, what);
	}
	return value;
}

/* Comma-separated; the text is cut up. */
static void list(const struct command *command, char *text, const char *items[LAB_LIST])
{
	unsigned count = 0;
	for (char *item = strtok(text, ","); item; item = strtok(NULL, ",")) {
		if (count == LAB_LIST - 1)
			usage(command, "too long a list");
		items[count++] = item;
		items[count] = NULL;
	}
}

static void append(const struct command *command, const char **items, unsigned most,
                   const char *item)
{
	unsigned count = 0;
	while (items[count])
		count++;
	if (!strchr(item, '='))
		usage(command, "a setting is NAME=VALUE");
	if (count == most - 1)
		usage(command, "too many of them");
	items[count] = item;
}

static void parse_arm(const struct command *command, struct lab_options *options, int key)
{
	switch (key) {
	case KEY_A:
		append(command, options->a.settings, ARM_SETTINGS, optarg);
		break;
	case KEY_B:
		append(command, options->b.settings, ARM_SETTINGS, optarg);
		break;
	case KEY_A_LIB:
		options->a.library = optarg;
		break;
	case KEY_B_LIB:
		options->b.library = optarg;
		break;
	case KEY_A_CMD:
		options->a.command = optarg;
		break;
	case KEY_B_CMD:
		options->b.command = optarg;
		break;
	case KEY_LIB:
		if (command->run == lab_compare)
			append(command, options->libs, LAB_LIST, optarg);
		else
			options->library = optarg;
		break;
	}
}

static void parse_option(const struct command *command, struct lab_options *options, int key)
{
	switch (key) {
	case KEY_THRESHOLD:
		options->threshold = number(command, optarg, 0, 1000) / 100;
		break;
	case KEY_LIMIT:
		options->limit = number(command, optarg, 0, 1000) / 100;
		break;
	case KEY_METRIC:
		if (strcmp(optarg, "cpu") != 0 && strcmp(optarg, "wall") != 0)
			usage(command, "the metric is cpu or wall");
		options->metric = strcmp(optarg, "wall") ? METRIC_CPU : METRIC_WALL;
		break;
	case KEY_SEED:
		options->seed = optarg;
		break;
	case KEY_TRACE:
		options->trace = optarg;
		break;
	case KEY_WORKLOADS:
		list(command, optarg, options->workloads);
		break;
	case KEY_QUICK:
		options->quick = true;
		break;
	case KEY_SLOTS:
		options->slots = optarg;
		break;
	case KEY_PROGRAMS:
		options->programs = optarg;
		break;
	case KEY_PLOT:
		options->plot = optarg;
		break;
	case 'r':
		options->rounds = (unsigned)number(command, optarg, 1, VERDICT_ROUNDS_MOST);
		break;
	case 'd':
		options->seconds = optarg;
		break;
	case 'n':
		options->ops = optarg;
		break;
	case 't':
		list(command, optarg, options->threads);
		break;
	case 'o':
		options->output = optarg;
		break;
	case 'h':
		usage(command, NULL);
	case '?':
		usage(command, "see above");
	default:
		parse_arm(command, options, key);
	}
}

static int run_command(const struct command *command, int argc, char **argv)
{
	struct lab_options options = {
	        .a.name = "A",
	        .b.name = "B",
	        .rounds = command->rounds,
	        .threshold = 0.05,
	        .limit = 0.06,
	        .seconds = command->seconds,
	};
	int key;
	while ((key = getopt_long(argc, argv, "r:d:n:t:o:h", table, NULL)) >= 0)
		parse_option(command, &options, key);
	for (size_t i = 0; optind < argc && command->run == lab_report && i < LAB_LIST - 1; i++)
		options.files[i] = argv[optind++];
	if (optind < argc && command->run != lab_compare && command->run != lab_report)
		options.workloads[0] = argv[optind++];
	if (optind < argc)
		usage(command, "too many arguments");
	if (command->run == lab_report && !options.files[0])
		usage(command, "which file?");
	if (command->run == lab_ab && options.rounds < VERDICT_ROUNDS_LEAST)
		usage(command, "fewer than 6 rounds have no 95 % interval");
	if (command->run != lab_compare && options.threads[0] && options.threads[1])
		usage(command, "one number of threads");
	return command->run(&options);
}

int lab_main(int argc, char **argv)
{
	const struct command *command = commands;
	while (strcmp(argv[0], command->name) != 0)
		command++;
	return run_command(command, argc, argv);
}

const char *lab_metric_name(enum metric metric)
{
	return metric == METRIC_WALL ? "wall" : "cpu";
}

void lab_arguments(const struct lab_options *options, const char *workload, const char *threads,
                   const char *arguments[LAB_ARGUMENTS])
{
	unsigned count = 0;
	arguments[count++] = workload;
	if (options->ops) {
		arguments[count++] = "-n";
		arguments[count++] = options->ops;
	} else if (options->seconds) {
		arguments[count++] = "-d";
		arguments[count++] = options->seconds;
	}
	if (threads) {
		arguments[count++] = "-t";
		arguments[count++] = threads;
	}
	if (options->seed) {
		arguments[count++] = "--seed";
		arguments[count++] = options->seed;
	}
	if (options->slots) {
		arguments[count++] = "--slots";
		arguments[count++] = options->slots;
	}
	if (options->trace) {
		arguments[count++] = "--trace";
		arguments[count++] = options->trace;
	}
	arguments[count] = NULL;
}

json_object *lab_interval_json(struct interval interval)
{
	json_object *object = json_object_new_object();
	json_object_object_add(object, "median", json_object_new_double(interval.median));
	json_object_object_add(object, "low", json_object_new_double(interval.low));
	json_object_object_add(object, "high", json_object_new_double(interval.high));
	return object;
}

void lab_keep(json_object *object, const char *path)
{
	if (json_object_to_file_ext(path, object, JSON_C_TO_STRING_PRETTY)) {
		fprintf(stderr, "hakbench: %s: %m\n", path);
		exit(EXIT_NO_FIGURE);
	}
	fprintf(stderr, "hakbench: result kept in %s\n", path);
}
