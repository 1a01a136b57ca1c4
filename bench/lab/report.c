/* SPDX-License-Identifier: MIT */
/* hakbench report: a kept result as Markdown and as plots, all derived from the samples. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/lab/kept.h"
#include "bench/lab/report_compare.h"
#include "bench/lab/plot.h"

#define MIB (1024.0 * 1024)

static const char *metric_key(json_object *result)
{
	return strcmp(kept_text(result, "metric"), "wall") ? "cpu_ns" : "wall_ns";
}

/* --- ab and gap ------------------------------------------------------------------------------- */

static void write_arms(FILE *out, json_object *result)
{
	fprintf(out, "| arm | settings | library | build | mode | ns (95 %%) | peak RSS, MiB |\n"
	             "|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < kept_arms(result); i++) {
		json_object *arm = kept_arm(result, i), *settings = kept_at(arm, "settings");
		const char *library = kept_text(arm, "library"), *slash = strrchr(library, '/');
		struct interval cost = kept_interval(arm, metric_key(result));
		fprintf(out, "| %s | ", kept_text(arm, "name"));
		for (size_t j = 0; j < json_object_array_length(settings); j++)
			fprintf(out, "`%s` ",
			        json_object_get_string(json_object_array_get_idx(settings, j)));
		fprintf(out, "| %s | %.12s | %s | %.3f (%.3f to %.3f) | %.1f |\n",
		        slash ? slash + 1 : "system", kept_text(kept_at(arm, "proof"), "build_id"),
		        kept_text(kept_at(arm, "proof"), "mode"), cost.median, cost.low, cost.high,
		        kept_interval(arm, "peak_rss_bytes").median / MIB);
	}
	fprintf(out, "\n");
}

static int write_ab(FILE *out, json_object *result)
{
	double a[VERDICT_ROUNDS_MOST], b[VERDICT_ROUNDS_MOST];
	double threshold = json_object_get_double(kept_at(result, "threshold"));
	size_t count = kept_samples(kept_arm(result, 0), metric_key(result), a);
	if (!count || kept_samples(kept_arm(result, 1), metric_key(result), b) != count) {
		fprintf(stderr, "hakbench: report: the arms' samples do not match\n");
		return EXIT_NO_FIGURE;
	}
	struct judgement judgement = verdict_judge(a, b, count, threshold);
	fprintf(out, "# A/B: %s\n\n", kept_text(result, "workload"));
	kept_write_machine(out, result);
	fprintf(out,
	        "**%s**: B is %.4f times as fast as A (95 %%: %.4f to %.4f), %s time, %zu rounds, "
	        "threshold %g %%.\n\n",
	        verdict_name(judgement.verdict), judgement.ratio.median, judgement.ratio.low,
	        judgement.ratio.high, kept_text(result, "metric"), count, threshold * 100);
	write_arms(out, result);
	return 0;
}

static int write_gap(FILE *out, json_object *result)
{
	static const char *const names[] = {"gap", "allocator", "layout"};
	fprintf(out, "# Gap to the system's malloc: %s\n\n", kept_text(result, "workload"));
	kept_write_machine(out, result);
	write_arms(out, result);
	fprintf(out,
	        "| part | ns per operation (95 %%) | of the system's (95 %%) |\n|---|---|---|\n");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		json_object *part = kept_at(kept_at(result, "parts"), names[i]);
		json_object *ns = kept_at(part, "ns"), *share = kept_at(part, "of_system");
		fprintf(out, "| %s | %+.3f (%+.3f to %+.3f) | %+.1f %% (%+.1f to %+.1f) |\n",
		        names[i], json_object_get_double(kept_at(ns, "median")),
		        json_object_get_double(kept_at(ns, "low")),
		        json_object_get_double(kept_at(ns, "high")),
		        100 * json_object_get_double(kept_at(share, "median")),
		        100 * json_object_get_double(kept_at(share, "low")),
		        100 * json_object_get_double(kept_at(share, "high")));
	}
	json_object *forced = kept_at(result, "forced_over_system");
	fprintf(out, "\nThe forced arm costs %+.1f %% over the system (limit %g %%): %s.\n\n",
	        100 * json_object_get_double(kept_at(forced, "median")),
	        100 * json_object_get_double(kept_at(result, "limit")),
	        kept_text(result, "verdict"));
	return 0;
}

/* Each arm's samples as points on a box. */
static bool plot_arms(json_object *result, const char *path)
{
	FILE *gnuplot = plot_begin(path, 760, 480);
	if (!gnuplot)
		return false;
	size_t count = kept_arms(result);
	for (size_t i = 0; i < count; i++) {
		double values[VERDICT_ROUNDS_MOST];
		size_t samples = kept_samples(kept_arm(result, i), metric_key(result), values);
		fprintf(gnuplot, "$arm%zu << END\n", i);
		for (size_t j = 0; j < samples; j++)
			fprintf(gnuplot, "%.9g %.9g\n",
			        (double)i + 1 + 0.04 * ((double)(j % 7) - 3), values[j]);
		fprintf(gnuplot, "END\n");
	}
	fprintf(gnuplot, "set title ");
	plot_name(gnuplot, kept_text(result, "workload"));
	fprintf(gnuplot, "\nset ylabel '%s time, ns'\nset xrange [0.4:%zu.6]\nunset key\n",
	        kept_text(result, "metric"), count);
	fprintf(gnuplot, "set style boxplot nooutliers\nset boxwidth 0.4\nset xtics (");
	for (size_t i = 0; i < count; i++) {
		fprintf(gnuplot, i ? ", " : "");
		plot_name(gnuplot, kept_text(kept_arm(result, i), "name"));
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

/* --- command ---------------------------------------------------------------------------------- */

/* `path` with everything after its last slash (or dot, for a file of its own name) replaced. */
static void beside(char out[PATH_MAX], const char *path, char from, const char *with)
{
	const char *slash = strrchr(path, '/'), *end = strrchr(path, from);
	if (from == '.' && (!end || end < slash))
		end = path + strlen(path);
	size_t length = !end ? 0 : (size_t)(end - path) + (from == '/');
	snprintf(out, PATH_MAX, "%.*s%s", (int)length, path, with);
}

static bool plot_compare(const struct lab_options *options, json_object *result)
{
	char speed[PATH_MAX], rss[PATH_MAX];
	const char *report = options->output ? options->output : options->files[0];
	beside(speed, report, '/', "speed.svg");
	beside(rss, report, '/', "rss.svg");
	return report_compare_plot(result, options->plot ? options->plot : speed, "cpu_ns",
	                           "speed, glibc = 1 (CPU time; more is better)", true) &&
	       report_compare_plot(result, rss, "peak_rss_bytes",
	                           "peak RSS, glibc = 1 (less is better)", false);
}

static bool plot(const struct lab_options *options, json_object *result, bool compare)
{
	char path[PATH_MAX];
	if (compare)
		return plot_compare(options, result);
	beside(path, options->files[0], '.', ".svg");
	return plot_arms(result, options->plot ? options->plot : path);
}

/* All files as one result; NULL, and the reason on stderr, when they are not of one kind. */
static json_object *read_files(const struct lab_options *options)
{
	json_object *result = json_object_from_file(options->files[0]);
	for (size_t i = 1; result && options->files[i]; i++) {
		json_object *other = json_object_from_file(options->files[i]);
		bool appended = other && report_append(result, other);
		json_object_put(other);
		if (appended)
			continue;
		fprintf(stderr, "hakbench: %s has not the allocators of %s, or no rows\n",
		        options->files[i], options->files[0]);
		json_object_put(result);
		return NULL;
	}
	if (!result)
		fprintf(stderr, "hakbench: %s is no result\n", options->files[0]);
	return result;
}

/* NULL when it is no kind that can be reported. */
static int (*writer_of(const char *kind))(FILE *, json_object *)
{
	return !strcmp(kind, "compare") ? report_compare
	       : !strcmp(kind, "gap")   ? write_gap
	       : !strcmp(kind, "ab")    ? write_ab
	                                : NULL;
}

int lab_report(const struct lab_options *options)
{
	json_object *result = read_files(options);
	if (!result)
		return 2;
	int (*write)(FILE *, json_object *) = writer_of(kept_text(result, "kind"));
	FILE *out = options->output ? fopen(options->output, "w") : stdout;
	if (!write || !out) {
		fprintf(stderr,
		        write ? "hakbench: %s: cannot be written\n"
		              : "hakbench: %s is no result of ab, gap or compare\n",
		        write ? options->output : options->files[0]);
		json_object_put(result);
		return 2;
	}
	int status = write(out, result);
	if (out != stdout)
		fclose(out);
	if (!status && !plot(options, result, write == report_compare)) {
		fprintf(stderr, "hakbench: gnuplot made no plot (is it installed?)\n");
		status = EXIT_NO_FIGURE;
	}
	json_object_put(result);
	return status;
}
