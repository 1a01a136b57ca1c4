/* SPDX-License-Identifier: MIT */
#include "tools/profile/reading.h"

#include <string.h>

#include "tools/base/clock.h"

void reading__take(struct reading *reading, const struct target *target,
                   const struct ledger *ledger)
{
	const struct hak_process_record *process = &ledger->process;

	memset(reading, 0, sizeof(*reading));
	reading->time = (double)clock__real_ns() / 1e9;
	reading->mono_ns = clock__mono_ns();
	reading->has_process = ledger->has_process;
	reading->mode = process->mode;
	reading->memory = process->memory;
	memcpy(reading->class_size, process->class_size, sizeof(reading->class_size));
	reading->sample_bytes = process->sample_bytes;
	for (size_t i = 0; i < ledger->count; i++)
		reading->sampling |= ledger->threads[i].sample_bytes != 0;
	ledger__sum(ledger, &reading->figures);
	figures__total(&reading->total, &reading->figures, reading->class_size);
	/* As a sum of its kinds, so that what is made of them adds up; else from elsewhere. */
	proc__rss(&reading->rss_kinds, target->pid);
	reading->rss =
	        reading->rss_kinds.anonymous + reading->rss_kinds.file + reading->rss_kinds.shared;
	if (!reading->rss)
		reading->rss = target__rss(target);
	reading->threads = target__threads(target);
	reading->cpu_ns = target__cpu_ns(target);
	reading->uptime = target__uptime(target);
}

static double at_least_0(double value)
{
	return value > 0 ? value : 0;
}

void reading__arenas(const struct reading *reading, struct hak_arenas *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned i = 0; i < HAK_ARENA_SHARDS; i++) {
		const struct hak_arenas *shard = &reading->memory.arenas[i];

		sum->arena_bytes += shard->arena_bytes;
		sum->span_bytes += shard->span_bytes;
		sum->large_bytes += shard->large_bytes;
		sum->dirty_bytes += shard->dirty_bytes;
		sum->purges += shard->purges;
		sum->purged_bytes += shard->purged_bytes;
		sum->grown_bytes += shard->grown_bytes;
		sum->huge_bytes += shard->huge_bytes;
		sum->huge_cached_bytes += shard->huge_cached_bytes;
	}
}

void reading__holdings(const struct reading *reading, struct holdings *holdings)
{
	const struct hak_memory *memory = &reading->memory;
	struct hak_arenas arenas;

	reading__arenas(reading, &arenas);
	memset(holdings, 0, sizeof(*holdings));
	for (unsigned i = 0; i < HAK_CLASS_COUNT; i++) {
		double size = (double)reading->class_size[i];

		holdings->depot += (double)memory->depot_blocks[i] * size;
		holdings->free += (double)memory->span_free[i] * size;
	}
	holdings->live = at_least_0((double)reading->total.small_in_use);
	holdings->large = (double)(arenas.large_bytes + arenas.huge_bytes);
	/* Magazines are the threads' own; what no other place has is there. */
	holdings->cached = at_least_0((double)arenas.span_bytes - holdings->live - holdings->depot -
	                              holdings->free);
	holdings->dirty = (double)arenas.dirty_bytes;
	holdings->huge_cached = (double)arenas.huge_cached_bytes;
	holdings->metadata = (double)memory->metadata_bytes;
	holdings->all = (double)(arenas.span_bytes + arenas.large_bytes + arenas.huge_bytes) +
	                holdings->dirty + holdings->huge_cached + holdings->metadata;
	holdings->not_ours = (double)(reading->rss_kinds.file + reading->rss_kinds.shared) +
	                     at_least_0((double)reading->rss_kinds.anonymous - holdings->all);
	holdings->untouched = at_least_0(holdings->all - (double)reading->rss_kinds.anonymous);
}
