/* SPDX-License-Identifier: MIT */
#include "tools/view/tables.h"

#include <inttypes.h>
#include <math.h>

#include "tools/base/units.h"

enum { THREADS_MAX = 1000 };

/* Short forms, so that the result of units__ can stand in an argument list. */
#define COUNT(value)   (units__count(value).text)
#define BYTES(value)   (units__bytes(value).text)
#define PERCENT(value) (units__percent(value).text)

static double per_second(const struct report *report, uint64_t count)
{
	return (double)count / report->seconds;
}

static double ratio(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : NAN;
}

/* --- classes ---------------------------------------------------------------------------------- */

/* Magazine to span are always shown, the others when they occur. */
static bool shows_route(const struct report *report, enum hak_route route)
{
	return route <= HAK_ROUTE_SPAN || report->total.sum.route[route];
}

static void show_class_head(FILE *out, const struct report *report)
{
	fprintf(out, "\n%5s %6s %8s %8s ", "class", "size", "malloc/s", "free/s");
	for (int i = 0; i < HAK_ROUTE_COUNT; i++) {
		if (shows_route(report, i))
			fprintf(out, " %8s", figures__route_name(i));
	}
	fprintf(out, "   %8s %7s %6s %8s\n", "refill/s", "blocks", "fresh", "flush/s");
}

static void show_share(FILE *out, double share)
{
	if (isnan(share))
		fprintf(out, " %8s", "-");
	else if (share == 0)
		fprintf(out, " %8s", ".");
	else
		fprintf(out, " %7.2f%%", 100 * share);
}

/* One class, or all (`size` NULL). */
static void show_class(FILE *out, const struct report *report,
                       const struct hak_class_record *record, const char *name, const char *size)
{
	fprintf(out, "%5s %6s %8s ", name, size, COUNT(per_second(report, record->mallocs)));
	fprintf(out, "%8s ", COUNT(per_second(report, record->frees)));
	for (int i = 0; i < HAK_ROUTE_COUNT; i++) {
		if (shows_route(report, i))
			show_share(out, ratio(figures__route(record, i), record->mallocs));
	}
	fprintf(out, "   %8s", COUNT(per_second(report, record->refills)));
	if (record->refills)
		fprintf(out, " %7.1f %5.0f%%", ratio(record->refill_blocks, record->refills),
		        record->refill_blocks
		                ? 100 * ratio(record->fresh_blocks, record->refill_blocks)
		                : 0.0);
	else
		fprintf(out, " %7s %6s", "-", "-");
	fprintf(out, " %8s\n", COUNT(per_second(report, record->flushes)));
}

size_t tables__classes(FILE *out, const struct report *report, enum report_sort sort, size_t rows)
{
	unsigned classes[HAK_CLASS_COUNT];
	size_t count = report__sorted_classes(report, sort, classes);

	if (!count) {
		fputs("\nno malloc and no free in this time\n", out);
		return 0;
	}
	show_class_head(out, report);
	for (size_t i = 0; i < count && i < rows; i++) {
		uint64_t size = report->now->class_size[classes[i]];
		char name[16], bytes[24];

		snprintf(name, sizeof(name), "%u", classes[i]);
		snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)size);
		show_class(out, report, &report->figures.classes[classes[i]], name,
		           size ? bytes : "-");
	}
	if (count > rows)
		fprintf(out, "%5s and %zu classes more\n", "...", count - rows);
	show_class(out, report, &report->total.sum, "all", "");
	return count;
}

/* --- threads --------------------------------------------------------------------------------- */

static void show_thread(FILE *out, const struct report *report, const struct thread_row *row)
{
	fprintf(out, "%9" PRIu64 "  %-15s %8s ", row->tid, *row->name ? row->name : "?",
	        COUNT(per_second(report, row->mallocs)));
	fprintf(out, "%8s ", COUNT(per_second(report, row->frees)));
	fprintf(out, "%10s/s ", BYTES(per_second(report, row->bytes)));
	fprintf(out, "%8s ", COUNT(per_second(report, row->cold)));
	show_share(out, 1 - ratio(row->cold, row->mallocs + row->frees));
	fprintf(out, " %8s", COUNT(per_second(report, row->refills)));
	fprintf(out, "  %s\n", row->sample_bytes ? BYTES((double)row->sample_bytes) : "-");
}

size_t tables__threads(FILE *out, const struct report *report, enum report_sort sort, size_t rows)
{
	const struct thread_row *sorted[THREADS_MAX];
	size_t all = report->threads ? report->threads->count : 0;
	size_t count = report__sorted_threads(report, sort, sorted, THREADS_MAX);

	fprintf(out, "\n%9s  %-15s %8s %8s %12s %8s  %8s %8s  %s\n", "thread", "name", "malloc/s",
	        "free/s", "bytes", "cold/s", "hits", "refill/s", "sampled every");
	for (size_t i = 0; i < count && i < rows; i++)
		show_thread(out, report, sorted[i]);
	if (all > rows)
		fprintf(out, "%9s  and %zu threads more\n", "...", all - rows);
	return all;
}

/* --- callers --------------------------------------------------------------------------------- */

size_t tables__callers(FILE *out, const struct report *report, size_t rows)
{
	if (!report->attachment->alloc && !report->attachment->visits) {
		fputs("\ncallers are known with --flame alloc only\n", out);
		return 0;
	}
	fprintf(out, "\n%10s %7s %8s  %-16s %s\n", "bytes", "share", "samples", "calls",
	        "caller (since the attach, estimated)");
	for (size_t i = 0; i < report->caller_count && i < rows; i++) {
		const struct caller_row *row = &report->callers[i];

		fprintf(out, "%10s %6.2f%% %8" PRIu64 "  %-16.40s %s\n", BYTES(row->weight),
		        100 * row->weight / report->caller_weight, row->samples, row->entry,
		        row->caller);
	}
	return report->caller_count;
}

/* --- functions ------------------------------------------------------------------------------- */

size_t tables__functions(FILE *out, const struct report *report, size_t rows)
{
	double all = 0;

	for (int i = 0; i < ZONE_COUNT; i++)
		all += (double)report->zones.weight[i];
	if (!report->top_count || all <= 0)
		return 0;
	fprintf(out, "\n%7s %8s  %-20s %-22s %s\n", "CPU", "samples", "zone", "module", "function");
	for (size_t i = 0; i < report->top_count && i < rows; i++) {
		const struct cost_function *function = &report->top[i];

		fprintf(out, "%6.2f%% %8llu  %-20s %-22.22s %s%s\n",
		        100 * (double)function->weight / all, (unsigned long long)function->samples,
		        zone__name(function->zone), function->module, function->name,
		        function->kernel ? " [kernel]" : "");
	}
	return report->top_count;
}

/* --- latency --------------------------------------------------------------------------------- */

/* Eight steps of height, relative to the fullest bucket. */
static void show_bars(FILE *out, const struct hak_latency *cell, int low, int high)
{
	static const char *const bars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	uint64_t most = 1;

	for (int i = low; i <= high; i++)
		most = cell->buckets[i] > most ? cell->buckets[i] : most;
	for (int i = low; i <= high; i++)
		fputs(bars[(cell->buckets[i] * 8 + most - 1) / most], out);
}

static const char *nanoseconds(double value, char *text, size_t size)
{
	if (isnan(value))
		snprintf(text, size, "-");
	else if (value < 9950)
		snprintf(text, size, "%.0f ns", value);
	else if (value < 9.95e6)
		snprintf(text, size, "%.0f us", value / 1e3);
	else
		snprintf(text, size, "%.0f ms", value / 1e6);
	return text;
}

static void show_latency(FILE *out, const struct hak_latency *cell, const char *name, int low,
                         int high)
{
	static const double shares[] = {0.5, 0.9, 0.99, 0.999};
	char text[24];

	fprintf(out, "%-16s %9s %9s", name, COUNT((double)cell->visits),
	        nanoseconds((double)cell->sum_ns / (double)cell->visits, text, sizeof(text)));
	for (int i = 0; i < 4; i++)
		fprintf(out, " %8s",
		        nanoseconds(latency__quantile(cell, shares[i]), text, sizeof(text)));
	fputs("  ", out);
	show_bars(out, cell, low, high);
	fputs("\n", out);
}

/* The buckets that any route has used. */
static void find_span(const struct latency *latency, int *low, int *high)
{
	*low = HAK_LATENCY_BUCKETS - 1;
	*high = 0;
	for (int i = 0; i < HAK_LATENCY_CELLS; i++) {
		for (int j = 0; j < HAK_LATENCY_BUCKETS; j++) {
			if (!latency->cells[i].buckets[j])
				continue;
			*low = j < *low ? j : *low;
			*high = j > *high ? j : *high;
		}
	}
}

void tables__latency(FILE *out, const struct report *report)
{
	const struct latency *latency = &report->latency;
	char name[32], left[24], right[24];
	int low, high;

	if (!report->attachment->latency)
		return;
	if (!latency__visits(latency)) {
		fputs("\nlatency: no cold visit was seen in this time\n", out);
		return;
	}
	find_span(latency, &low, &high);
	fprintf(out, "\n%-16s %9s %9s %8s %8s %8s %8s  %s … %s\n", "cold visit", "seen", "mean",
	        "50 %", "90 %", "99 %", "99.9 %",
	        nanoseconds((double)latency__bucket_low(low), left, sizeof(left)),
	        nanoseconds((double)(2ull << high), right, sizeof(right)));
	for (int i = 0; i < HAK_LATENCY_OPERATIONS; i++) {
		for (int j = 0; j < HAK_ROUTE_COUNT; j++) {
			const struct hak_latency *cell = latency__cell(latency, i, j);

			if (cell->visits)
				show_latency(out, cell, latency__name(i, j, name, sizeof(name)),
				             low, high);
		}
	}
	fprintf(out, "latency: %s of %s cold visits were seen",
	        PERCENT(ratio(latency__visits(latency), report->total.cold)),
	        COUNT((double)report->total.cold));
	fprintf(out, "; %" PRIu64 " ns of the probes' own subtracted from each\n",
	        latency->bias_ns);
}

size_t tables__show(FILE *out, const struct report *report, enum report_view view,
                    enum report_sort sort, size_t rows)
{
	switch (view) {
	case VIEW_THREADS:
		return tables__threads(out, report, sort, rows);
	case VIEW_CALLERS:
		return tables__callers(out, report, rows);
	case VIEW_FUNCTIONS:
		return tables__functions(out, report, rows);
	default:
		return tables__classes(out, report, sort, rows);
	}
}
