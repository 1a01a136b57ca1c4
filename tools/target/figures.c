/* SPDX-License-Identifier: MIT */
#include "tools/target/figures.h"

#include <stddef.h>

/* The counts of a class record are its members up to `granted`: one array to add up. */
enum { COUNTS = offsetof(struct hak_class_record, granted) / sizeof(hak_u64) };

static void add_counts(struct hak_class_record *to, const struct hak_class_record *from)
{
	hak_u64 *left = &to->mallocs;
	const hak_u64 *right = &from->mallocs;

	for (size_t i = 0; i < COUNTS; i++)
		left[i] += right[i];
}

void figures__add_class(struct figures *figures, unsigned class,
                        const struct hak_class_record *record, const struct hak_slot *slot)
{
	struct hak_class_record *to = &figures->classes[class];
	uint64_t used, depth;

	add_counts(to, record);
	if (!slot)
		return;
	/* Without signs: a process may have written anything there. */
	used = (uint64_t)record->granted - (uint64_t)(slot->credit > 0 ? slot->credit : 0);
	depth = (uint64_t)((int64_t)(slot->top - slot->base) / 8);
	to->mallocs += used;
	to->frees += depth - (uint64_t)record->mark + used;
}

void figures__add_thread(struct figures *figures, const struct hak_thread_record *record,
                         const struct hak_slot *slots)
{
	for (unsigned i = 0; i < HAK_CLASS_COUNT; i++)
		figures__add_class(figures, i, &record->classes[i], slots ? &slots[i] : NULL);
	figures->large_bytes += record->large_bytes;
	figures->large_freed += record->large_freed;
	figures->samples += record->samples;
}

void figures__add(struct figures *figures, const struct figures *other)
{
	for (unsigned i = 0; i < HAK_CLASS_COUNT; i++)
		add_counts(&figures->classes[i], &other->classes[i]);
	figures->large_bytes += other->large_bytes;
	figures->large_freed += other->large_freed;
	figures->samples += other->samples;
}

static uint64_t forward(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

void figures__subtract(struct figures *difference, const struct figures *now,
                       const struct figures *before)
{
	for (unsigned i = 0; i < HAK_CLASS_COUNT; i++) {
		hak_u64 *to = &difference->classes[i].mallocs;
		const hak_u64 *left = &now->classes[i].mallocs;
		const hak_u64 *right = &before->classes[i].mallocs;

		for (size_t j = 0; j < COUNTS; j++)
			to[j] = forward(left[j], right[j]);
		difference->classes[i].granted = 0;
		difference->classes[i].mark = 0;
	}
	difference->large_bytes = forward(now->large_bytes, before->large_bytes);
	difference->large_freed = forward(now->large_freed, before->large_freed);
	difference->samples = forward(now->samples, before->samples);
}

void figures__total(struct figures_total *total, const struct figures *figures,
                    const uint64_t *class_size)
{
	uint64_t in_use = 0;

	*total = (struct figures_total){0};
	for (unsigned i = 0; i < HAK_CLASS_COUNT; i++) {
		const struct hak_class_record *class = &figures->classes[i];

		add_counts(&total->sum, class);
		total->bytes += class->mallocs * class_size[i];
		in_use += (class->mallocs - class->frees) * class_size[i];
	}
	total->small_in_use = (int64_t)in_use;
	total->cold = total->sum.cold_mallocs + total->sum.cold_frees;
	total->bytes += figures->large_bytes;
	total->large_in_use = (int64_t)(figures->large_bytes - figures->large_freed);
}

uint64_t figures__route(const struct hak_class_record *record, enum hak_route route)
{
	uint64_t others = 0;

	if (route != HAK_ROUTE_MAGAZINE)
		return record->route[route];
	for (int i = HAK_ROUTE_MAGAZINE + 1; i < HAK_ROUTE_COUNT; i++)
		others += record->route[i];
	return forward(record->mallocs, others);
}

const char *figures__route_name(enum hak_route route)
{
	static const char *const names[HAK_ROUTE_COUNT] = {
	        "magazine", "previous", "depot",   "span", "large",
	        "aligned",  "sampled",  "checked", "libc",
	};

	return names[route];
}
