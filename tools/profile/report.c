/* SPDX-License-Identifier: MIT */
#include "tools/profile/report.h"

const char *const report_view_names[VIEW_COUNT] = {"class", "thread", "caller", "function"};
const char *const report_sort_names[SORT_COUNT] = {"malloc", "free",   "bytes",
                                                   "cold",   "refill", "name"};

/*
 * What BPF cannot time itself: a uprobe's trap into the kernel and back, and a timer interrupt with
 * what it disturbs. The latter is what `make overhead` shows in a virtual machine: 4,999 Hz
 * cost 7.8 % of throughput, 999 Hz about 1.6 %. On bare metal it is less.
 */
enum { TRAP_NS = 1000, INTERRUPT_NS = 15000 };

/* What a USDT program has cost since, in cores. */
static double spent(const struct report *report, const struct hak_counters *now,
                    const struct hak_counters *before, double each_ns)
{
	return ((double)(now->hits - before->hits) * each_ns + (double)(now->ns - before->ns)) /
	       1e9 / report->seconds;
}

static void derive_own(struct report *report)
{
	const struct own_cost *now = &report->now->own, *before = &report->before->own;
	double traps;

	report->hits = now->tally.hits - before->tally.hits + now->alloc.hits - before->alloc.hits +
	               now->latency.hits - before->latency.hits;
	report->lost = now->tally.lost + now->alloc.lost + now->cost.lost + now->latency.lost;
	/* Of a sample the stack can be left out, its trap cannot. */
	traps = (double)(now->alloc.hits - before->alloc.hits) * TRAP_NS / 1e9 / report->seconds;
	report->spent[GOVERN_TICKS] = spent(report, &now->cost, &before->cost, INTERRUPT_NS);
	report->spent[GOVERN_STACKS] = spent(report, &now->alloc, &before->alloc, 0);
	report->spent[GOVERN_LATENCY] = spent(report, &now->latency, &before->latency, TRAP_NS);
	report->spent_fixed = traps + spent(report, &now->tally, &before->tally, TRAP_NS);
	report->target_share = report->spent_fixed;
	for (int i = 0; i < GOVERNOR_PARTS; i++)
		report->target_share += report->spent[i];
	report->own_share = (double)(now->cpu_ns - before->cpu_ns) / 1e9 / report->seconds;
}

void report__derive(struct report *report, const struct cost *cost, bool since_start)
{
	const struct reading *now = report->now, *before = report->before;

	report->seconds = (double)(now->mono_ns - before->mono_ns) / 1e9;
	if (report->seconds <= 0)
		report->seconds = 1e-9;
	figures__subtract(&report->figures, &now->figures, &before->figures);
	figures__total(&report->total, &report->figures, now->class_size);
	cost_zones__subtract(&report->zones, &now->zones, &before->zones);
	/* The clock of a process that has ended is gone. */
	report->cpu_ns = now->cpu_ns > before->cpu_ns ? now->cpu_ns - before->cpu_ns : 0;
	report->per_malloc = cost_zones__per(&report->zones, ZONE_MALLOC, report->cpu_ns,
	                                     report->total.sum.mallocs);
	report->per_free =
	        cost_zones__per(&report->zones, ZONE_FREE, report->cpu_ns, report->total.sum.frees);
	report->per_cold =
	        cost_zones__per(&report->zones, ZONE_COLD, report->cpu_ns, report->total.cold);
	report->top_count = cost__top(cost, since_start, report->top, REPORT_FUNCTIONS);
	latency__subtract(&report->latency, &now->latency, &before->latency);
	derive_own(report);
}

static double class_key(const struct report *report, unsigned class, enum report_sort sort)
{
	const struct hak_class_record *record = &report->figures.classes[class];

	if (report->route != HAK_ROUTE_COUNT && sort == SORT_MALLOCS)
		return (double)figures__route(record, report->route);
	switch (sort) {
	case SORT_FREES:
		return (double)record->frees;
	case SORT_BYTES:
		return class ? (double)record->mallocs * (double)report->now->class_size[class]
		             : (double)report->figures.large_bytes;
	case SORT_COLD:
		return (double)(record->cold_mallocs + record->cold_frees);
	case SORT_REFILLS:
		return (double)record->refills;
	case SORT_NAME:
		return -(double)class;
	default:
		return (double)record->mallocs;
	}
}

size_t report__sorted_classes(const struct report *report, enum report_sort sort, unsigned *classes)
{
	const struct hak_class_record *records = report->figures.classes;
	size_t count = 0;

	for (unsigned i = 0; i < HAK_CLASS_COUNT; i++) {
		size_t at;

		if ((!records[i].mallocs && !records[i].frees) ||
		    (report->class >= 0 && i != (unsigned)report->class) ||
		    (report->route != HAK_ROUTE_COUNT &&
		     !figures__route(&records[i], report->route)))
			continue;
		for (at = count; at > 0 && class_key(report, classes[at - 1], sort) <
		                                   class_key(report, i, sort);
		     at--)
			classes[at] = classes[at - 1];
		classes[at] = i;
		count++;
	}
	return count;
}

size_t report__active_classes(const struct report *report, unsigned *classes)
{
	return report__sorted_classes(report, SORT_MALLOCS, classes);
}

static double thread_key(const struct thread_row *row, enum report_sort sort)
{
	switch (sort) {
	case SORT_FREES:
		return (double)row->frees;
	case SORT_BYTES:
		return (double)row->bytes;
	case SORT_COLD:
		return (double)row->cold;
	case SORT_REFILLS:
		return (double)row->refills;
	case SORT_NAME:
		return -(double)row->tid;
	default:
		return (double)row->mallocs;
	}
}

size_t report__sorted_threads(const struct report *report, enum report_sort sort,
                              const struct thread_row **rows, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; report->threads && i < report->threads->count; i++) {
		const struct thread_row *row = &report->threads->rows[i];
		size_t at = count;

		for (; at > 0 && thread_key(rows[at - 1], sort) < thread_key(row, sort); at--) {
			if (at < max)
				rows[at] = rows[at - 1];
		}
		if (at < max)
			rows[at] = row;
		if (count < max)
			count++;
	}
	return count;
}
