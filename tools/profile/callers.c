/* SPDX-License-Identifier: MIT */
#include "tools/profile/callers.h"

#include <errno.h>
#include <stdlib.h>

/* Equal names have one address in a profile, so pairs of them are compared by address. */
struct collection {
	const char **path; /* names from the root to the frame visited */
	size_t path_room;
	struct caller_row *rows;
	size_t count;
	size_t room;
};

static int note_path(struct collection *all, const struct profile_frame *frame)
{
	if (frame->depth >= all->path_room) {
		size_t room = 2 * frame->depth + 64;
		const char **grown = reallocarray(all->path, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		all->path = grown;
		all->path_room = room;
	}
	all->path[frame->depth] = frame->name;
	return 0;
}

static int collect(const struct profile_frame *frame, void *argument)
{
	struct collection *all = argument;

	if (note_path(all, frame))
		return -ENOMEM;
	if (!frame->self_count)
		return PROFILE_INTO;
	if (all->count == all->room) {
		size_t room = all->room ? 2 * all->room : 256;
		struct caller_row *grown = reallocarray(all->rows, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		all->rows = grown;
		all->room = room;
	}
	all->rows[all->count++] = (struct caller_row){
	        .caller = frame->depth ? all->path[frame->depth - 1] : "[unknown]",
	        .entry = frame->name,
	        .weight = frame->self_weight,
	        .samples = frame->self_count,
	};
	return PROFILE_INTO;
}

static int by_names(const void *a, const void *b)
{
	const struct caller_row *left = a, *right = b;

	if (left->caller != right->caller)
		return (uintptr_t)left->caller < (uintptr_t)right->caller ? -1 : 1;
	if (left->entry != right->entry)
		return (uintptr_t)left->entry < (uintptr_t)right->entry ? -1 : 1;
	return 0;
}

static int by_weight(const void *a, const void *b)
{
	const struct caller_row *left = a, *right = b;

	return (right->weight > left->weight) - (right->weight < left->weight);
}

/* Adds up rows of the same names; how many are left. */
static size_t merge(struct caller_row *rows, size_t count)
{
	size_t left = 0;

	qsort(rows, count, sizeof(*rows), by_names);
	for (size_t i = 0; i < count; i++) {
		if (left && !by_names(&rows[left - 1], &rows[i])) {
			rows[left - 1].weight += rows[i].weight;
			rows[left - 1].samples += rows[i].samples;
		} else {
			rows[left++] = rows[i];
		}
	}
	return left;
}

int callers__top(const struct profile *profile, struct caller_row *rows, size_t max)
{
	struct collection all = {0};
	size_t count = 0;
	int err;

	err = profile__walk(profile, collect, &all);
	if (!err && all.count) {
		count = merge(all.rows, all.count);
		qsort(all.rows, count, sizeof(*all.rows), by_weight);
		count = count < max ? count : max;
		for (size_t i = 0; i < count; i++)
			rows[i] = all.rows[i];
	}
	free(all.path);
	free(all.rows);
	return err ? err : (int)count;
}
