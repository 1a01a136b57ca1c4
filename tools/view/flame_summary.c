/* SPDX-License-Identifier: MIT */
#include "tools/view/flame_summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/units.h"
#include "tools/profile/flame.h"

enum {
	CALLERS_MAX = 10,
	FRAMES_SHOWN = 3, /* of a caller: the one that called the allocator, and its callers */
	BAR = 40,
};

struct caller {
	char *name;
	struct stack_figure alloc, kind;
};

struct callers {
	struct caller *list;
	size_t count;
};

/* "sdsnewlen < createStringObject < tryObjectEncoding": who called the allocator. */
static char *caller_name(const struct stacks *stacks, uint32_t stack)
{
	char name[512] = "";
	size_t used = 0;

	stack = stacks__frame(stacks, stack)->caller;
	for (int i = 0; i < FRAMES_SHOWN && stack != STACKS_ROOT && used < sizeof(name); i++) {
		const struct stack_frame *frame = stacks__frame(stacks, stack);

		used += (size_t)snprintf(name + used, sizeof(name) - used, "%s%.120s",
		                         i ? " < " : "", frame->name);
		stack = frame->caller;
	}
	return strdup(*name ? name : "[unknown]");
}

static int by_name(const void *left, const void *right)
{
	return strcmp(((const struct caller *)left)->name, ((const struct caller *)right)->name);
}

static int by_weight(const void *left, const void *right)
{
	double a = ((const struct caller *)left)->kind.weight;
	double b = ((const struct caller *)right)->kind.weight;

	return a < b ? 1 : a > b ? -1 : by_name(left, right);
}

static void add_figure(struct stack_figure *sum, const struct stack_figure *figure)
{
	sum->weight += figure->weight;
	sum->count += figure->count;
	sum->samples += figure->samples;
}

static void callers__clear(struct callers *callers)
{
	for (size_t i = 0; i < callers->count; i++)
		free(callers->list[i].name);
	free(callers->list);
}

/* Merges equal names. */
static void merge(struct callers *callers)
{
	size_t kept = 0;

	qsort(callers->list, callers->count, sizeof(*callers->list), by_name);
	for (size_t i = 0; i < callers->count; i++) {
		struct caller *last = kept ? &callers->list[kept - 1] : NULL;
		struct caller *next = &callers->list[i];

		if (last && !strcmp(last->name, next->name)) {
			add_figure(&last->alloc, &next->alloc);
			add_figure(&last->kind, &next->kind);
			free(next->name);
		} else {
			callers->list[kept++] = *next;
		}
	}
	callers->count = kept;
}

static int find_callers(const struct stacks *stacks, enum flame_kind kind, struct callers *callers)
{
	memset(callers, 0, sizeof(*callers));
	callers->list = calloc(stacks__count(stacks), sizeof(*callers->list));
	if (!callers->list)
		return -ENOMEM;
	for (uint32_t i = 1; i < stacks__count(stacks); i++) {
		const struct stack_figure *figures = stacks__figures(stacks, i);
		struct caller *caller = &callers->list[callers->count];

		if (!figures || !figures[FLAME_ALLOC].samples)
			continue;
		caller->name = caller_name(stacks, i);
		if (!caller->name)
			return -ENOMEM;
		caller->alloc = figures[FLAME_ALLOC];
		caller->kind = figures[kind];
		callers->count++;
	}
	merge(callers);
	qsort(callers->list, callers->count, sizeof(*callers->list), by_weight);
	return 0;
}

static void show_callers(const struct stacks *stacks, enum flame_kind kind, const char *head,
                         FILE *out)
{
	struct stack_figure total = stacks__total(stacks, kind);
	struct callers callers;

	if (total.samples && !find_callers(stacks, kind, &callers)) {
		fprintf(out, "\n%11s %7s %8s %13s  %s\n", "bytes", "share", "samples", "of its own",
		        head);
		for (size_t i = 0; i < callers.count && i < CALLERS_MAX; i++) {
			const struct caller *caller = &callers.list[i];

			if (!caller->kind.samples)
				break;
			fprintf(out, "%11s %7s %8llu %13s  %s\n",
			        units__bytes(caller->kind.weight).text,
			        units__percent(caller->kind.weight / total.weight).text,
			        (unsigned long long)caller->kind.samples,
			        units__percent(caller->kind.weight / caller->alloc.weight).text,
			        caller->name);
		}
		callers__clear(&callers);
	}
}

/* 2^at ns, for people. */
static void show_age(FILE *out, int at)
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	double value = (double)(1ull << at);
	int unit = 0;

	for (; unit < 3 && value >= 1000; unit++)
		value /= 1000;
	fprintf(out, "%6.3g %-2s", value, units[unit]);
}

static void show_lifetimes(const struct heap_lifetimes *lifetimes, FILE *out)
{
	int first = HEAP_AGES, last = -1;
	double most = 0, all = 0;

	for (int i = 0; i < HEAP_AGES; i++) {
		if (!lifetimes->samples[i])
			continue;
		first = first < i ? first : i;
		last = i;
		most = lifetimes->weight[i] > most ? lifetimes->weight[i] : most;
		all += lifetimes->weight[i];
	}
	if (last < 0)
		return;
	fprintf(out, "\n%-24s %8s %11s %7s\n", "lifetime", "samples", "bytes", "share");
	for (int i = first; i <= last; i++) {
		int stars = (int)(BAR * lifetimes->weight[i] / most + 0.5);

		show_age(out, i);
		fputs(" ... ", out);
		show_age(out, i + 1);
		fprintf(out, "  %8llu %11s %7s  %.*s\n", (unsigned long long)lifetimes->samples[i],
		        units__bytes(lifetimes->weight[i]).text,
		        units__percent(lifetimes->weight[i] / all).text, stars,
		        "########################################");
	}
}

void flame__summary(const struct flame *flame, FILE *out)
{
	const struct heap *heap = flame__heap(flame);
	const struct stacks *stacks = flame__stacks(flame);
	const struct heap_counts *counts;

	if (!heap)
		return;
	counts = heap__counts(heap);
	fprintf(out,
	        "\n== sampled objects ==\nobjects   %llu allocated since the attach, %llu freed, "
	        "%zu alive",
	        (unsigned long long)counts->entered, (unsigned long long)counts->freed,
	        heap__size(heap));
	fprintf(out, " (%s); earlier ones are not seen\n",
	        units__bytes(flame__weight(flame, FLAME_LIVE)).text);
	if (counts->replaced || counts->evicted)
		fprintf(out, "          %llu whose free was lost, %llu evicted from a full table\n",
		        (unsigned long long)counts->replaced, (unsigned long long)counts->evicted);
	show_lifetimes(heap__lifetimes(heap), out);
	show_callers(stacks, FLAME_LIVE, "live bytes by caller", out);
	show_callers(stacks, FLAME_TEMPORARY, "temporary bytes by caller", out);
}
