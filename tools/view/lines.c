/* SPDX-License-Identifier: MIT */
/* The live view as plain lines, at most about 110 columns wide. */
#include "tools/view/view.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "tools/base/units.h"
#include "tools/view/lines.h"
#include "tools/view/tables.h"

enum { ROWS_MAX = 12 };

/* Short forms, so that the result of units__ can stand in an argument list. */
#define COUNT(value)   (units__count(value).text)
#define BYTES(value)   (units__bytes(value).text)
#define PERCENT(value) (units__percent(value).text)
#define SECONDS(value) (units__seconds(value).text)

static double per_second(const struct report *report, uint64_t count)
{
	return (double)count / report->seconds;
}

static double ratio(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : NAN;
}

/* The share of calls that the hot path served alone. */
static void show_hit_ratio(FILE *out, const struct figures_total *total)
{
	double cold = ratio(total->cold, total->sum.mallocs + total->sum.frees);

	if (isnan(cold))
		fputs("-", out);
	else
		fprintf(out, "%.4f %%", 100 * (1 - cold));
}

/* --- who and how ------------------------------------------------------------------------------ */

static const char *mode_remark(enum hak_mode mode)
{
	switch (mode) {
	case HAK_MODE_CHECKED:
		return "checked (HAKMEM_FASTLANE_DIRECT=0): every operation takes the cold path";
	case HAK_MODE_FORCE_LIBC:
		return "HAKMEM_FORCE_LIBC_ALLOC=1: libc serves everything and nothing is counted";
	case HAK_MODE_UNINITIALISED:
		return "not initialised: no malloc has taken the cold path yet";
	default:
		return NULL;
	}
}

static const char *unwind_remark(enum unwind_mode mode)
{
	switch (mode) {
	case UNWIND_FP:
		return "frame pointers, in the kernel";
	case UNWIND_DWARF:
		return "dwarf, over 16 KiB of stack, more where a thread needs it, up to 64 KiB";
	default:
		return "auto (dwarf, frame pointers where code has no tables), over 16 KiB of "
		       "stack, more where\n"
		       "          a thread needs it, up to 64 KiB";
	}
}

void lines__header(FILE *out, const struct target *target, const struct attachment *attachment,
                   const struct reading *now)
{
	const char *remark = now->has_process ? mode_remark(now->mode) : NULL;

	fprintf(out, "target    pid %d: %s\n", target->pid, target->command);
	fprintf(out, "library   %s  build-id %s\n", target->library,
	        *target->object->build_id ? target->object->build_id : "none");
	fprintf(out, "probes    %s", attachment->tally ? "USDT hakmem:tally" : "none attached");
	if (attachment->alloc)
		fputs(", otel_memory:alloc", out);
	if (attachment->latency || attachment->visits)
		fprintf(out, ", in windows hakmem:%scold_end",
		        attachment->latency ? "cold_begin and " : "");
	fprintf(out, " (of %zu in the library); perf_event %s at %d Hz on %d CPUs\n",
	        target->object->probes, attachment->cost_event, attachment->cost_hz,
	        attachment->cost_cpus);
	fprintf(out, "records   %s\n",
	        attachment->reads ? "read from the target's memory, and from tallies"
	                          : "from tallies alone");
	if (attachment->alloc && now->has_process)
		fprintf(out, "sampling  one allocation per %s on average\n",
		        BYTES((double)now->sample_bytes));
	if (attachment->alloc || attachment->visits || attachment->cpu)
		fprintf(out, "unwinder  %s\n", unwind_remark(attachment->unwind));
	if (remark)
		fprintf(out, "mode      %s\n", remark);
}

static void show_title(FILE *out, const struct report *report)
{
	time_t seconds = (time_t)report->now->time;
	struct tm local;
	char clock[16] = "";

	if (localtime_r(&seconds, &local))
		strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	fprintf(out, "== %s == pid %d, up %s, %llu thread%s, CPU %s of a core, last %.2f s ", clock,
	        report->target->pid, SECONDS(report->now->uptime),
	        (unsigned long long)report->now->threads, report->now->threads == 1 ? "" : "s",
	        PERCENT((double)report->cpu_ns / 1e9 / report->seconds), report->seconds);
	fputs("==\n", out);
}

static void show_own_cost(FILE *out, const struct report *report)
{
	uint64_t samples = report->now->own.cost.hits - report->before->own.cost.hits;

	/* First, where no terminal is too narrow for it. */
	fprintf(out, "our cost  %llu events lost; %s probe hits/s",
	        (unsigned long long)report->lost, COUNT(per_second(report, report->hits)));
	fprintf(out, ", %s samples/s: about %s of a core in the target;",
	        COUNT(per_second(report, samples)), PERCENT(report->target_share));
	fprintf(out, " hakprobe %s CPU, %s RSS\n", PERCENT(report->own_share),
	        BYTES((double)report->now->own.rss));
}

static void show_governor(FILE *out, const struct report *report)
{
	const struct governor *governor = report->governor;
	const struct attachment *attachment = report->attachment;

	fprintf(out, "governor  %s; ceiling %s of a core per busy thread, now %s;",
	        governor__is_limiting(governor) ? "holds back" : "has nothing to hold back",
	        PERCENT(governor->ceiling), PERCENT(governor->budget));
	fprintf(out, " %d Hz", attachment->cost_hz);
	if (attachment->alloc)
		fprintf(out, ", stacks of %s of the samples",
		        PERCENT(governor->rate[GOVERN_STACKS]));
	if (attachment->latency || attachment->visits)
		fprintf(out, ", %s in %s of the time", attachment->latency ? "latency" : "visits",
		        PERCENT(governor->rate[GOVERN_LATENCY]));
	fputs("\n", out);
}

/* --- totals ----------------------------------------------------------------------------------- */

static void show_rates(FILE *out, const struct report *report)
{
	const struct figures_total *total = &report->total;

	fprintf(out, "calls     %s malloc/s, %s free/s, ",
	        COUNT(per_second(report, total->sum.mallocs)),
	        COUNT(per_second(report, total->sum.frees)));
	fprintf(out, "%s/s; hit ratio ", BYTES(per_second(report, total->bytes)));
	show_hit_ratio(out, total);
	fprintf(out, " (%s cold visits/s)\n", COUNT(per_second(report, total->cold)));
}

static void show_memory(FILE *out, const struct reading *now)
{
	struct holdings holdings;

	reading__holdings(now, &holdings);
	fprintf(out, "memory    RSS %s; the allocator holds %s:", BYTES((double)now->rss),
	        BYTES(holdings.all));
	fprintf(out, " live %s, large %s,", BYTES(holdings.live), BYTES(holdings.large));
	fprintf(out, " cached in threads %s,\n", BYTES(holdings.cached));
	fprintf(out, "          in the depot %s, free in spans %s,", BYTES(holdings.depot),
	        BYTES(holdings.free));
	fprintf(out, " dirty %s, huge cached %s, metadata %s\n", BYTES(holdings.dirty),
	        BYTES(holdings.huge_cached), BYTES(holdings.metadata));
	fprintf(out, "          not ours at least %s (files and shared %s);",
	        BYTES(holdings.not_ours),
	        BYTES((double)(now->rss_kinds.file + now->rss_kinds.shared)));
	fprintf(out, " held but never touched at least %s (estimates)\n",
	        BYTES(holdings.untouched));
}

static void show_estimate(FILE *out, const char *what, struct cost_estimate estimate)
{
	if (isnan(estimate.value)) {
		fprintf(out, "- %s", what);
		return;
	}
	fprintf(out, "%.*f ± %.*f %s", estimate.value < 100, estimate.value, estimate.error < 100,
	        estimate.error, what);
}

static void show_cost(FILE *out, const struct report *report)
{
	const struct cost_zones *zones = &report->zones;

	fputs("wrapper   ", out);
	show_estimate(out, "ns/malloc, ", report->per_malloc);
	show_estimate(out, "ns/free, ", report->per_free);
	show_estimate(out, "ns/cold visit", report->per_cold);
	fprintf(out, " (%llu samples)\n", (unsigned long long)cost_zones__samples(zones));
	fprintf(out, "CPU time  wrapper %s, cold %s, ", PERCENT(cost_zones__wrapper(zones)),
	        PERCENT(cost_zones__share(zones, ZONE_COLD).value));
	fprintf(out, "os %s, libc %s, ", PERCENT(cost_zones__share(zones, ZONE_OS).value),
	        PERCENT(cost_zones__share(zones, ZONE_LIBC).value));
	fprintf(out, "application %s, probes %s\n",
	        PERCENT(cost_zones__share(zones, ZONE_APPLICATION).value),
	        PERCENT(cost_zones__share(zones, ZONE_PROBE).value));
}

/* --- the view --------------------------------------------------------------------------------- */

void lines__figures(FILE *out, const struct report *report)
{
	show_own_cost(out, report);
	show_governor(out, report);
	show_rates(out, report);
	show_memory(out, report->now);
	show_cost(out, report);
}

void lines__title(FILE *out, const struct report *report)
{
	show_title(out, report);
}

static void show_tables(FILE *out, const struct report *report)
{
	tables__show(out, report, report->view, report->sort, ROWS_MAX);
	tables__latency(out, report);
	if (report->view != VIEW_FUNCTIONS)
		tables__functions(out, report, REPORT_FUNCTIONS);
}

static void show_interval(FILE *out, const struct report *report)
{
	fputs("\n", out);
	show_title(out, report);
	lines__figures(out, report);
	show_tables(out, report);
}

static void show_summary(FILE *out, const struct report *report)
{
	const struct figures_total *total = &report->now->total;

	fprintf(out, "\n== summary of %s == pid %d ==\n", SECONDS(report->seconds),
	        report->target->pid);
	fprintf(out, "process   %s mallocs and %s frees since its start, ",
	        COUNT((double)total->sum.mallocs), COUNT((double)total->sum.frees));
	fprintf(out, "%s in use; hit ratio ",
	        BYTES((double)(total->small_in_use + total->large_in_use)));
	show_hit_ratio(out, total);
	fputs("\n", out);
	lines__figures(out, report);
	show_tables(out, report);
	if (report->caller_count && report->view != VIEW_CALLERS)
		tables__callers(out, report, ROWS_MAX);
}

const struct view view_lines = {
        .begin = lines__header,
        .interval = show_interval,
        .summary = show_summary,
};
