/* SPDX-License-Identifier: MIT */
#include "tools/export/flame.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/base/clock.h"
#include "tools/export/export.h"
#include "tools/profile/flame.h"
#include "tools/profile/profile.h"
#include "tools/symbols/code.h"

static void make_title(const struct flame *flame, enum flame_kind kind, char *title, size_t size)
{
	const struct flame_config *config = flame__config(flame);
	int at = snprintf(title, size, "%s", flame_kind__title(kind));

	if (config->route && kind != FLAME_CPU)
		at += snprintf(title + at, size - (size_t)at, " by route %s", config->route);
	if (kind == FLAME_LIVE && config->older_ns)
		snprintf(title + at, size - (size_t)at, " older than %g ms",
		         (double)config->older_ns / 1e6);
	if (kind == FLAME_TEMPORARY)
		snprintf(title + at, size - (size_t)at, ": freed within %g ms",
		         (double)config->within_ns / 1e6);
}

static void make_note(const struct flame *flame, unsigned wanted, char *note, size_t size)
{
	const struct heap_counts *counts =
	        flame__heap(flame) ? heap__counts(flame__heap(flame)) : NULL;
	const struct target *target = flame__target(flame);
	int at = snprintf(note, size, "%.200s, pid %d", target->command, target->pid);

	for (enum flame_kind kind = 0; kind < FLAME_KINDS; kind++) {
		if (wanted & 1u << kind)
			at += snprintf(note + at, size - (size_t)at, "%s %llu sampled %s",
			               at && strchr(note, ':') ? "," : ":",
			               (unsigned long long)flame__samples(flame, kind),
			               kind == FLAME_ALLOC  ? "allocations"
			               : kind == FLAME_LIVE ? "objects alive"
			               : kind == FLAME_CPU  ? "instruction pointers"
			                                    : "objects that died young");
	}
	if (wanted & 1u << FLAME_LIVE)
		at += snprintf(note + at, size - (size_t)at,
		               "; what was allocated before the attach is not seen");
	if (counts && counts->evicted)
		snprintf(note + at, size - (size_t)at,
		         "; %llu objects were evicted, the others weigh more for it",
		         (unsigned long long)counts->evicted);
}

static int make_profiles(const struct flame *flame, unsigned wanted, struct profile **profiles,
                         struct export_source *source)
{
	int err = 0;

	for (enum flame_kind kind = 0; kind < FLAME_KINDS && !err; kind++) {
		char title[96];

		if (!(wanted & 1u << kind))
			continue;
		make_title(flame, kind, title, sizeof(title));
		profiles[kind] = profile__new(title, flame_kind__unit(kind));
		if (!profiles[kind])
			return -ENOMEM;
		err = stacks__fill(flame__stacks(flame), kind, flame__scales(flame)[kind],
		                   profiles[kind]);
		if (!source->profile_count)
			source->first = kind;
		source->profiles[source->profile_count++] = profiles[kind];
	}
	return err;
}

int export_flame(const struct flame *flame, unsigned wanted, const struct flame_extras *extras,
                 const char *path)
{
	struct profile *profiles[FLAME_KINDS] = {NULL};
	char note[768];
	struct export_source source = {
	        .note = note,
	        .stacks = flame__stacks(flame),
	        .kinds = wanted,
	        .scale = flame__scales(flame),
	        .start_ns = flame__start_ns(flame),
	        .duration_ns = clock__real_ns() - flame__start_ns(flame),
	        .timeline = extras ? extras->timeline : NULL,
	        .summary = extras ? extras->summary : NULL,
	};
	int err;

	/* What was measured on the way belongs into a file that holds several columns. */
	if (flame_kinds__need_alloc(wanted))
		source.kinds |= 1u << FLAME_ALLOC | (flame__heap(flame) ? 1u << FLAME_LIVE : 0);
	source.mappings = code__mappings(flame__code(flame), &source.mapping_count);
	make_note(flame, wanted, note, sizeof(note));
	err = make_profiles(flame, wanted, profiles, &source);
	if (!err)
		err = export_file(&source, path);
	for (enum flame_kind kind = 0; kind < FLAME_KINDS; kind++)
		profile__free(profiles[kind]);
	return err;
}
