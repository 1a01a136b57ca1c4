/* SPDX-License-Identifier: MIT */
/*
 * The report of hakbench compare. A row is a workload with a number of threads, or a program.
 * Times are told as the least of the rounds: what else the machine does only ever adds to them.
 */
#include "bench/lab/report_compare.h"

#include <math.h>
#include <string.h>

#include "bench/lab/kept.h"
#include "bench/lab/plot.h"

#define MIB (1024.0 * 1024)
#define MS  1e6

static json_object *row_of(json_object *rows, size_t index)
{
	return json_object_array_get_idx(rows, index);
}

static bool is_program(json_object *row)
{
	return kept_at(row, "threads") == NULL;
}

static double cost_of(json_object *arm, const char *key)
{
	return strcmp(key, "peak_rss_bytes") ? kept_least(arm, key)
	                                     : kept_interval(arm, key).median;
}

/* Of the arms from `first` on, the cheapest. */
static size_t best_from(json_object *row, size_t first, const char *key)
{
	size_t best = first;
	for (size_t i = first + 1; i < kept_arms(row); i++)
		if (cost_of(kept_arm(row, i), key) < cost_of(kept_arm(row, best), key))
			best = i;
	return best;
}

static void write_head(FILE *out, json_object *row, const char *of_peer, unsigned columns)
{
	fprintf(out, "| %s |", is_program(row) ? "program" : "workload | threads");
	for (size_t i = 0; i < kept_arms(row); i++)
		fprintf(out, " %s |", kept_text(kept_arm(row, i), "name"));
	fprintf(out, "%s\n|---|%s", of_peer, is_program(row) ? "" : "---|");
	for (size_t i = 0; i < kept_arms(row); i++)
		fprintf(out, "---:|");
	fprintf(out, "---|");
	for (unsigned i = 0; i < columns; i++)
		fprintf(out, "---:|");
	fprintf(out, "\n");
}

/* The row's name and what each arm needs. */
static void write_costs(FILE *out, json_object *row, const char *key, double unit, int digits)
{
	fprintf(out, "| %s |", kept_text(row, "workload"));
	if (!is_program(row))
		fprintf(out, " %s |", kept_text(row, "threads"));
	for (size_t i = 0; i < kept_arms(row); i++)
		fprintf(out, " %.*f |", digits, cost_of(kept_arm(row, i), key) / unit);
}

static void write_speed_row(FILE *out, json_object *row)
{
	json_object *hakmem = kept_arm(row, 0), *peer = kept_arm(row, best_from(row, 1, "cpu_ns"));
	json_object *by_wall = kept_arm(row, best_from(row, 1, "wall_ns"));
	struct interval paired = kept_ratio(peer, hakmem, "cpu_ns");
	if (is_program(row))
		write_costs(out, row, "cpu_ns", MS, 0);
	else
		write_costs(out, row, "cpu_ns", 1, 2);
	fprintf(out, " %s | **%.2f** | %.2f (%.2f to %.2f) | %.2f (%s) |\n",
	        kept_text(peer, "name"), cost_of(peer, "cpu_ns") / cost_of(hakmem, "cpu_ns"),
	        paired.median, paired.low, paired.high,
	        cost_of(by_wall, "wall_ns") / cost_of(hakmem, "wall_ns"),
	        kept_text(by_wall, "name"));
}

static void write_memory_row(FILE *out, json_object *row)
{
	json_object *peer = kept_arm(row, best_from(row, 1, "peak_rss_bytes"));
	write_costs(out, row, "peak_rss_bytes", MIB, 1);
	fprintf(out, " %s | %.2f |\n", kept_text(peer, "name"),
	        cost_of(kept_arm(row, 0), "peak_rss_bytes") / cost_of(peer, "peak_rss_bytes"));
}

/* A table of the rows that are programs, or of those that are not, if there are any. */
static void write_table(FILE *out, json_object *rows, bool programs, const char *of_peer,
                        unsigned columns, void (*write_row)(FILE *, json_object *))
{
	bool begun = false;
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		json_object *row = row_of(rows, i);
		if (is_program(row) != programs)
			continue;
		if (!begun)
			write_head(out, row, of_peer, columns);
		begun = true;
		write_row(out, row);
	}
	if (begun)
		fprintf(out, "\n");
}

/* Geometric mean over the rows of arm `index`'s cost to the least of all arms' (or to arm
 * `other`'s). */
static double mean_ratio(json_object *rows, const char *key, size_t index, const size_t *other)
{
	double sum = 0;
	size_t count = json_object_array_length(rows);
	for (size_t i = 0; i < count; i++) {
		json_object *row = row_of(rows, i);
		size_t base = other ? *other : best_from(row, 0, key);
		sum += log(cost_of(kept_arm(row, index), key) / cost_of(kept_arm(row, base), key));
	}
	return exp(sum / (double)count);
}

static void write_settled_row(FILE *out, json_object *row)
{
	json_object *peer = kept_arm(row, best_from(row, 1, "rss_to_live"));
	write_costs(out, row, "rss_to_live", 1, 2);
	fprintf(out, " %s | %.2f |\n", kept_text(peer, "name"),
	        cost_of(kept_arm(row, 0), "rss_to_live") / cost_of(peer, "rss_to_live"));
}

/* Of the workloads that look at memory after their last phase. */
static void write_settled(FILE *out, json_object *rows)
{
	json_object *some = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		if (cost_of(kept_arm(row_of(rows, i), 0), "rss_to_live") > 0)
			json_object_array_add(some, json_object_get(row_of(rows, i)));
	if (json_object_array_length(some)) {
		fprintf(out, "RSS to live bytes, 2 s after the last phase (the least):\n\n");
		write_table(out, some, false, " leanest peer | RSS to it |", 1, write_settled_row);
	}
	json_object_put(some);
}

static void write_means(FILE *out, json_object *rows)
{
	static const struct {
		const char *what, *key;
		bool to_each;
	} lines[] = {
	        {"CPU time, to the best of all", "cpu_ns", false},
	        {"CPU time, hakmem's to this one's", "cpu_ns", true},
	        {"peak RSS, to the leanest of all", "peak_rss_bytes", false},
	        {"peak RSS, hakmem's to this one's", "peak_rss_bytes", true},
	};
	json_object *first = row_of(rows, 0);
	fprintf(out, "Geometric means over the %zu rows; less is better:\n\n| |",
	        json_object_array_length(rows));
	for (size_t i = 0; i < kept_arms(first); i++)
		fprintf(out, " %s |", kept_text(kept_arm(first, i), "name"));
	fprintf(out, "\n|---|");
	for (size_t i = 0; i < kept_arms(first); i++)
		fprintf(out, "---:|");
	fprintf(out, "\n");
	for (size_t line = 0; line < sizeof(lines) / sizeof(lines[0]); line++) {
		fprintf(out, "| %s |", lines[line].what);
		for (size_t i = 0; i < kept_arms(first); i++)
			fprintf(out, " %.3f |",
			        lines[line].to_each ? mean_ratio(rows, lines[line].key, 0, &i)
			                            : mean_ratio(rows, lines[line].key, i, NULL));
		fprintf(out, "\n");
	}
	fprintf(out, "\n");
}

int report_compare(FILE *out, json_object *result)
{
	static const char speed[] = " best peer | speed to it | median (95 %) | by wall time |";
	static const char memory[] = " leanest peer | RSS to it |";
	json_object *rows = kept_at(result, "rows");
	if (!json_object_array_length(rows))
		return EXIT_NO_FIGURE;
	fprintf(out, "# libhakmem and its peers\n\n");
	kept_write_machine(out, result);
	fprintf(out,
	        "%s rounds, interleaved. CPU time, the least of the rounds: ns per operation of a "
	        "workload (%s s each; churn: all its phases), ms of user and system time per run "
	        "of a program. Speed to the best peer: more than 1 is faster; next to it the "
	        "median of the rounds' ratios, and the same by wall time with the peer that is "
	        "best by that.\n\n",
	        kept_text(result, "rounds"), kept_text(result, "seconds"));
	write_table(out, rows, false, speed, 3, write_speed_row);
	write_table(out, rows, true, speed, 3, write_speed_row);
	fprintf(out, "Peak RSS in MiB (median), hakbench's own memory included:\n\n");
	write_table(out, rows, false, memory, 1, write_memory_row);
	write_table(out, rows, true, memory, 1, write_memory_row);
	write_settled(out, rows);
	write_means(out, rows);
	fprintf(out, "![speed](speed.svg)\n\n![RSS](rss.svg)\n");
	return 0;
}

bool report_append(json_object *result, json_object *other)
{
	json_object *rows = kept_at(result, "rows"), *more = kept_at(other, "rows");
	json_object *first = row_of(rows, 0), *theirs = row_of(more, 0);
	size_t arms = first ? kept_arms(first) : 0;
	if (!theirs || kept_arms(theirs) != arms)
		return false;
	for (size_t i = 0; i < arms; i++)
		if (strcmp(kept_text(kept_arm(first, i), "name"),
		           kept_text(kept_arm(theirs, i), "name")) != 0)
			return false;
	for (size_t i = 0; i < json_object_array_length(more); i++)
		json_object_array_add(rows, json_object_get(row_of(more, i)));
	return true;
}

static void write_bars(FILE *gnuplot, json_object *rows, const char *key, bool speed)
{
	fprintf(gnuplot, "$bars << END\n");
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		json_object *row = row_of(rows, i);
		double glibc = cost_of(kept_arm(row, 1), key);
		fprintf(gnuplot, "\"%s", kept_text(row, "workload"));
		fprintf(gnuplot, is_program(row) ? "\"" : " x%s\"", kept_text(row, "threads"));
		for (size_t j = 0; j < kept_arms(row); j++) {
			double cost = cost_of(kept_arm(row, j), key);
			fprintf(gnuplot, " %.6g", speed ? glibc / cost : cost / glibc);
		}
		fprintf(gnuplot, "\n");
	}
	fprintf(gnuplot, "END\n");
}

bool report_compare_plot(json_object *result, const char *path, const char *key, const char *label,
                         bool speed)
{
	json_object *rows = kept_at(result, "rows"), *first = row_of(rows, 0);
	FILE *gnuplot = plot_begin(path, 1100, 520);
	if (!gnuplot)
		return false;
	write_bars(gnuplot, rows, key, speed);
	fprintf(gnuplot,
	        "set style data histogram\nset style histogram clustered gap 1\n"
	        "set style fill solid 0.85 border -1\nset xtics rotate by -40\n"
	        "set key outside top center horizontal\nset yrange [0:*]\nset ylabel '%s'\n",
	        label);
	fprintf(gnuplot, "plot ");
	for (size_t j = 0; j < kept_arms(first); j++) {
		fprintf(gnuplot, "%s$bars using %zu%s title ", j ? ", " : "", j + 2,
		        j ? "" : ":xtic(1)");
		plot_name(gnuplot, kept_text(kept_arm(first, j), "name"));
	}
	fprintf(gnuplot, "\n");
	return plot_end(gnuplot);
}
