/* SPDX-License-Identifier: MIT */
/* hakbench report: a kept result as Markdown and as plots. Everything is derived from the samples.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/lab.h"
#include "bench/plot.h"

#define MIB (1024.0 * 1024)

static json_object *at(json_object *object, const char *key)
{
	return json_object_object_get(object, key);
}

static const char *text_of(json_object *object, const char *key)
{
	const char *text = json_object_get_string(at(object, key));
	return text ? text : "-";
}

static json_object *arm_of(json_object *row, size_t index)
{
	return json_object_array_get_idx(at(row, "arms"), index);
}

static size_t arm_count(json_object *row)
{
	return json_object_array_length(at(row, "arms"));
}

/* Copies the samples of an arm; returns how many there are. */
static size_t samples_of(json_object *arm, const char *key, double values[VERDICT_ROUNDS_MOST])
{
	json_object *array = at(arm, key);
	size_t count = array ? json_object_array_length(array) : 0;
	if (count > VERDICT_ROUNDS_MOST)
		count = VERDICT_ROUNDS_MOST;
	for (size_t i = 0; i < count; i++)
		values[i] = json_object_get_double(json_object_array_get_idx(array, i));
	return count;
}

static struct interval interval_of(json_object *arm, const char *key)
{
	double values[VERDICT_ROUNDS_MOST];
	size_t count = samples_of(arm, key, values);
	return count ? stats_median_interval(values, count) : (struct interval){0};
}

/* Over the rounds: samples of `a` / samples of `b`. */
static struct interval ratio_of(json_object *a, json_object *b, const char *key)
{
	double first[VERDICT_ROUNDS_MOST], second[VERDICT_ROUNDS_MOST];
	size_t count = samples_of(a, key, first), other = samples_of(b, key, second);
	if (!count || count != other)
		return (struct interval){0};
	return verdict_ratio(first, second, count);
}

static const char *metric_key(json_object *result)
{
	return strcmp(text_of(result, "metric"), "wall") ? "cpu_ns" : "wall_ns";
}

static void write_machine(FILE *out, json_object *result)
{
	json_object *machine = at(result, "machine");
	fprintf(out, "%s, %s CPUs, Linux %s.\n\n", text_of(machine, "cpu"),
	        text_of(machine, "cpus"), text_of(machine, "kernel"));
}

/* --- ab and gap
 * ------------------------------------------------------------------------------------ */

static void write_arms(FILE *out, json_object *result)
{
	fprintf(out, "| arm | settings | library | build | mode | ns (95 %%) | peak RSS, MiB |\n"
	             "|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < arm_count(result); i++) {
		json_object *arm = arm_of(result, i), *settings = at(arm, "settings");
		const char *library = text_of(arm, "library"), *slash = strrchr(library, '/');
		struct interval cost = interval_of(arm, metric_key(result));
		fprintf(out, "| %s | ", text_of(arm, "name"));
		for (size_t j = 0; j < json_object_array_length(settings); j++)
			fprintf(out, "`%s` ",
			        json_object_get_string(json_object_array_get_idx(settings, j)));
		fprintf(out, "| %s | %.12s | %s | %.3f (%.3f to %.3f) | %.1f |\n",
		        slash ? slash + 1 : "system", text_of(at(arm, "proof"), "build_id"),
		        text_of(at(arm, "proof"), "mode"), cost.median, cost.low, cost.high,
		        interval_of(arm, "peak_rss_bytes").median / MIB);
	}
	fprintf(out, "\n");
}

static int write_ab(FILE *out, json_object *result)
{
	double a[VERDICT_ROUNDS_MOST], b[VERDICT_ROUNDS_MOST];
	double threshold = json_object_get_double(at(result, "threshold"));
	size_t count = samples_of(arm_of(result, 0), metric_key(result), a);
	if (!count || samples_of(arm_of(result, 1), metric_key(result), b) != count) {
		fprintf(stderr, "hakbench: report: the arms' samples do not match\n");
		return EXIT_NO_FIGURE;
	}
	struct judgement judgement = verdict_judge(a, b, count, threshold);
	fprintf(out, "# A/B: %s\n\n", text_of(result, "workload"));
	write_machine(out, result);
	fprintf(out,
	        "**%s**: B is %.4f times as fast as A (95 %%: %.4f to %.4f), %s time, %zu rounds, "
	        "threshold %g %%.\n\n",
	        verdict_name(judgement.verdict), judgement.ratio.median, judgement.ratio.low,
	        judgement.ratio.high, text_of(result, "metric"), count, threshold * 100);
	write_arms(out, result);
	return 0;
}

static int write_gap(FILE *out, json_object *result)
{
	static const char *const names[] = {"gap", "allocator", "layout"};
	fprintf(out, "# Gap to the system's malloc: %s\n\n", text_of(result, "workload"));
	write_machine(out, result);
	write_arms(out, result);
	fprintf(out,
	        "| part | ns per operation (95 %%) | of the system's (95 %%) |\n|---|---|---|\n");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		json_object *part = at(at(result, "parts"), names[i]);
		json_object *ns = at(part, "ns"), *share = at(part, "of_system");
		fprintf(out, "| %s | %+.3f (%+.3f to %+.3f) | %+.1f %% (%+.1f to %+.1f) |\n",
		        names[i], json_object_get_double(at(ns, "median")),
		        json_object_get_double(at(ns, "low")),
		        json_object_get_double(at(ns, "high")),
		        100 * json_object_get_double(at(share, "median")),
		        100 * json_object_get_double(at(share, "low")),
		        100 * json_object_get_double(at(share, "high")));
	}
	json_object *forced = at(result, "forced_over_system");
	fprintf(out, "\nThe forced arm costs %+.1f %% over the system (limit %g %%): %s.\n\n",
	        100 * json_object_get_double(at(forced, "median")),
	        100 * json_object_get_double(at(result, "limit")), text_of(result, "verdict"));
	return 0;
}

/* Each arm's samples as points on a box. */
static bool plot_arms(json_object *result, const char *path)
{
	FILE *gnuplot = plot_begin(path, 760, 480);
	if (!gnuplot)
		return false;
	size_t count = arm_count(result);
	for (size_t i = 0; i < count; i++) {
		double values[VERDICT_ROUNDS_MOST];
		size_t samples = samples_of(arm_of(result, i), metric_key(result), values);
		fprintf(gnuplot, "$arm%zu << END\n", i);
		for (size_t j = 0; j < samples; j++)
			fprintf(gnuplot, "%.9g %.9g\n",
			        (double)i + 1 + 0.04 * ((double)(j % 7) - 3), values[j]);
		fprintf(gnuplot, "END\n");
	}
	fprintf(gnuplot, "set title ");
	plot_name(gnuplot, text_of(result, "workload"));
	fprintf(gnuplot, "\nset ylabel '%s time, ns'\nset xrange [0.4:%zu.6]\nunset key\n",
	        text_of(result, "metric"), count);
	fprintf(gnuplot, "set style boxplot nooutliers\nset boxwidth 0.4\nset xtics (");
	for (size_t i = 0; i < count; i++) {
		fprintf(gnuplot, i ? ", " : "");
		plot_name(gnuplot, text_of(arm_of(result, i), "name"));
		fprintf(gnuplot, " %zu", i + 1);
	}
	fprintf(gnuplot, ")\nplot ");
	for (size_t i = 0; i < count; i++)
		fprintf(gnuplot,
		        "%s$arm%zu using (%zu):2 with boxplot lc '#888888', $arm%zu using 1:2 with "
		        "points pt 7 ps 0.6 lc '#c0392b'",
		        i ? ", " : "", i, i + 1, i);
	fprintf(gnuplot, "\n");
	return plot_end(gnuplot);
}

/* --- compare
 * --------------------------------------------------------------------------------------- */

/* The arm other than the first with the smallest median. */
static size_t best_peer(json_object *row, const char *key)
{
	size_t best = 1;
	for (size_t i = 2; i < arm_count(row); i++)
		if (interval_of(arm_of(row, i), key).median <
		    interval_of(arm_of(row, best), key).median)
			best = i;
	return best;
}

static void write_head(FILE *out, json_object *row, const char *last)
{
	fprintf(out, "| workload | threads |");
	for (size_t i = 0; i < arm_count(row); i++)
		fprintf(out, " %s |", text_of(arm_of(row, i), "name"));
	fprintf(out, "%s\n|---|---|", last);
	for (size_t i = 0; i < arm_count(row); i++)
		fprintf(out, "---:|");
	fprintf(out, "---|---:|%s\n", strstr(last, "wall") ? "---:|" : "");
}

static void write_speed(FILE *out, json_object *rows)
{
	write_head(out, json_object_array_get_idx(rows, 0),
	           " best peer | speed to it (95 %) | by wall time |");
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		json_object *row = json_object_array_get_idx(rows, i), *hakmem = arm_of(row, 0);
		json_object *peer = arm_of(row, best_peer(row, "cpu_ns"));
		struct interval speed = ratio_of(peer, hakmem, "cpu_ns");
		fprintf(out, "| %s | %s |", text_of(row, "workload"), text_of(row, "threads"));
		for (size_t j = 0; j < arm_count(row); j++)
			fprintf(out, " %.2f |", interval_of(arm_of(row, j), "cpu_ns").median);
		fprintf(out, " %s | %.2f (%.2f to %.2f) | %.2f |\n", text_of(peer, "name"),
		        speed.median, speed.low, speed.high,
		        ratio_of(peer, hakmem, "wall_ns").median);
	}
}

static void write_memory(FILE *out, json_object *rows)
{
	write_head(out, json_object_array_get_idx(rows, 0), " leanest peer | RSS to it |");
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		json_object *row = json_object_array_get_idx(rows, i);
		json_object *peer = arm_of(row, best_peer(row, "peak_rss_bytes"));
		fprintf(out, "| %s | %s |", text_of(row, "workload"), text_of(row, "threads"));
		for (size_t j = 0; j < arm_count(row); j++)
			fprintf(out, " %.1f |",
			        interval_of(arm_of(row, j), "peak_rss_bytes").median / MIB);
		fprintf(out, " %s | %.2f |\n", text_of(peer, "name"),
		        ratio_of(arm_of(row, 0), peer, "peak_rss_bytes").median);
	}
}

static int write_compare(FILE *out, json_object *result)
{
	json_object *rows = at(result, "rows");
	if (!json_object_array_length(rows))
		return EXIT_NO_FIGURE;
	fprintf(out, "# libhakmem and its peers\n\n");
	write_machine(out, result);
	fprintf(out,
	        "%s rounds, interleaved, %s s each (churn: all its phases). CPU ns per operation, "
	        "medians; less is better. Speed to the best peer: more than 1 is faster.\n\n",
	        text_of(result, "rounds"), text_of(result, "seconds"));
	write_speed(out, rows);
	fprintf(out, "\nPeak RSS in MiB, hakbench's own memory included:\n\n");
	write_memory(out, rows);
	fprintf(out, "\n![speed](speed.svg)\n\n![RSS](rss.svg)\n");
	return 0;
}

/* Grouped bars: what each arm needs relative to glibc (arm 1), or its speed. */
static bool plot_bars(json_object *result, const char *path, const char *key, const char *label,
                      bool speed)
{
	json_object *rows = at(result, "rows"), *first = json_object_array_get_idx(rows, 0);
	FILE *gnuplot = plot_begin(path, 1100, 520);
	if (!gnuplot)
		return false;
	fprintf(gnuplot, "$bars << END\n");
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		json_object *row = json_object_array_get_idx(rows, i);
		fprintf(gnuplot, "\"%s x%s\"", text_of(row, "workload"), text_of(row, "threads"));
		for (size_t j = 0; j < arm_count(row); j++) {
			struct interval ratio =
			        speed ? ratio_of(arm_of(row, 1), arm_of(row, j), key)
			              : ratio_of(arm_of(row, j), arm_of(row, 1), key);
			fprintf(gnuplot, " %.6g", ratio.median);
		}
		fprintf(gnuplot, "\n");
	}
	fprintf(gnuplot,
	        "END\nset style data histogram\nset style histogram clustered gap 1\n"
	        "set style fill solid 0.85 border -1\nset xtics rotate by -40\n"
	        "set key outside top center horizontal\nset yrange [0:*]\nset ylabel '%s'\n",
	        label);
	fprintf(gnuplot, "plot ");
	for (size_t j = 0; j < arm_count(first); j++) {
		fprintf(gnuplot, "%s$bars using %zu%s title ", j ? ", " : "", j + 2,
		        j ? "" : ":xtic(1)");
		plot_name(gnuplot, text_of(arm_of(first, j), "name"));
	}
	fprintf(gnuplot, "\n");
	return plot_end(gnuplot);
}

/* --- command
 * --------------------------------------------------------------------------------------- */

/* `path` with everything after its last slash (or dot, for a file of its own name) replaced. */
static void beside(char out[PATH_MAX], const char *path, char from, const char *with)
{
	const char *slash = strrchr(path, '/'), *end = strrchr(path, from);
	if (from == '.' && (!end || end < slash))
		end = path + strlen(path);
	size_t length = !end ? 0 : (size_t)(end - path) + (from == '/');
	snprintf(out, PATH_MAX, "%.*s%s", (int)length, path, with);
}

static bool plot(const struct lab_options *options, json_object *result, bool compare)
{
	char path[PATH_MAX], other[PATH_MAX];
	if (!compare) {
		beside(path, options->file, '.', ".svg");
		return plot_arms(result, options->plot ? options->plot : path);
	}
	beside(path, options->file, '/', "speed.svg");
	beside(other, options->file, '/', "rss.svg");
	return plot_bars(result, options->plot ? options->plot : path, "cpu_ns",
	                 "speed, glibc = 1 (CPU time; more is better)", true) &&
	       plot_bars(result, other, "peak_rss_bytes", "peak RSS, glibc = 1 (less is better)",
	                 false);
}

int lab_report(const struct lab_options *options)
{
	json_object *result = json_object_from_file(options->file);
	const char *kind = result ? text_of(result, "kind") : "-";
	bool compare = !strcmp(kind, "compare");
	int (*write)(FILE *, json_object *) = compare                ? write_compare
	                                      : !strcmp(kind, "gap") ? write_gap
	                                      : !strcmp(kind, "ab")  ? write_ab
	                                                             : NULL;
	if (!write) {
		fprintf(stderr, "hakbench: %s is no result of ab, gap or compare\n", options->file);
		json_object_put(result);
		return 2;
	}
	FILE *out = options->output ? fopen(options->output, "w") : stdout;
	if (!out) {
		fprintf(stderr, "hakbench: %s: %m\n", options->output);
		json_object_put(result);
		return 2;
	}
	int status = write(out, result);
	if (out != stdout)
		fclose(out);
	if (!status && !plot(options, result, compare)) {
		fprintf(stderr, "hakbench: gnuplot made no plot (is it installed?)\n");
		status = EXIT_NO_FIGURE;
	}
	json_object_put(result);
	return status;
}
