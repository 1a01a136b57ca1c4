/* SPDX-License-Identifier: MIT */
#include "tools/profile/stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/intern.h"
#include "tools/profile/profile.h"

enum { FRAMES_FIRST = 1024, DEPTH_MAX = 1024 };

struct stacks {
	struct intern *names;
	struct stack_frame *frames;
	uint32_t count, capacity;
	uint32_t *slots; /* hash table of frames, 0: free; twice the capacity */
	struct stack_figure (*figures)[FLAME_KINDS];
	uint32_t figure_count, figure_capacity; /* the first is nobody's */
};

static uint32_t *slot_of(const struct stack_frame *frames, uint32_t *slots, uint32_t mask,
                         uint32_t caller, const char *name, uint64_t ip)
{
	uint64_t hash = ((uint64_t)(uintptr_t)name + ip * 0x9e3779b97f4a7c15ull) ^
	                (uint64_t)caller * 0xbf58476d1ce4e5b9ull;
	uint32_t at = (uint32_t)((hash ^ hash >> 31) * 0x94d049bb133111ebull >> 32) & mask;

	while (slots[at] && (frames[slots[at]].caller != caller || frames[slots[at]].ip != ip ||
	                     frames[slots[at]].name != name))
		at = (at + 1) & mask;
	return &slots[at];
}

static int grow(struct stacks *stacks)
{
	uint32_t capacity = stacks->capacity ? 2 * stacks->capacity : FRAMES_FIRST;
	struct stack_frame *frames;
	uint32_t *slots;

	if (capacity > UINT32_MAX / 4)
		return -ENOMEM;
	slots = calloc(2 * (size_t)capacity, sizeof(*slots));
	frames = slots ? reallocarray(stacks->frames, capacity, sizeof(*frames)) : NULL;
	if (!frames) {
		free(slots);
		return -ENOMEM;
	}
	for (uint32_t i = 1; i < stacks->count; i++)
		*slot_of(frames, slots, 2 * capacity - 1, frames[i].caller, frames[i].name,
		         frames[i].ip) = i;
	free(stacks->slots);
	stacks->slots = slots;
	stacks->frames = frames;
	stacks->capacity = capacity;
	return 0;
}

struct stacks *stacks__new(void)
{
	struct stacks *stacks = calloc(1, sizeof(*stacks));

	if (!stacks)
		return NULL;
	stacks->names = intern__new();
	if (!stacks->names || grow(stacks)) {
		stacks__free(stacks);
		errno = ENOMEM;
		return NULL;
	}
	stacks->frames[STACKS_ROOT] = (struct stack_frame){.name = ""};
	stacks->count = 1;
	stacks->figure_count = 1;
	return stacks;
}

void stacks__free(struct stacks *stacks)
{
	if (!stacks)
		return;
	intern__free(stacks->names);
	free(stacks->frames);
	free(stacks->slots);
	free(stacks->figures);
	free(stacks);
}

uint32_t stacks__enter(struct stacks *stacks, uint32_t caller, const char *name, uint64_t ip)
{
	uint32_t *slot;

	name = intern__string(stacks->names, name && *name ? name : "[unknown]");
	if (!name || (stacks->count == stacks->capacity && grow(stacks)))
		return STACKS_FAILED;
	slot = slot_of(stacks->frames, stacks->slots, 2 * stacks->capacity - 1, caller, name, ip);
	if (!*slot) {
		stacks->frames[stacks->count] =
		        (struct stack_frame){.name = name, .ip = ip, .caller = caller};
		*slot = stacks->count++;
	}
	return *slot;
}

int stacks__add(struct stacks *stacks, uint32_t stack, enum flame_kind kind, double weight,
                double count)
{
	struct stack_frame *frame = &stacks->frames[stack];
	struct stack_figure *figure;

	if (stacks->figure_count >= stacks->figure_capacity) {
		uint32_t room = stacks->figure_capacity ? 2 * stacks->figure_capacity : 256;
		void *grown = reallocarray(stacks->figures, room, sizeof(*stacks->figures));

		if (!grown)
			return -ENOMEM;
		stacks->figures = grown;
		stacks->figure_capacity = room;
	}
	if (!frame->figures) {
		frame->figures = stacks->figure_count++;
		memset(stacks->figures[frame->figures], 0, sizeof(*stacks->figures));
	}
	figure = &stacks->figures[frame->figures][kind];
	figure->weight += weight;
	figure->count += count;
	figure->samples++;
	return 0;
}

void stacks__clear(struct stacks *stacks, enum flame_kind kind)
{
	for (uint32_t i = 1; i < stacks->figure_count; i++)
		stacks->figures[i][kind] = (struct stack_figure){0};
}

uint32_t stacks__count(const struct stacks *stacks)
{
	return stacks->count;
}

const struct stack_frame *stacks__frame(const struct stacks *stacks, uint32_t stack)
{
	return &stacks->frames[stack];
}

const struct stack_figure *stacks__figures(const struct stacks *stacks, uint32_t stack)
{
	uint32_t at = stacks->frames[stack].figures;

	return at ? stacks->figures[at] : NULL;
}

struct stack_figure stacks__total(const struct stacks *stacks, enum flame_kind kind)
{
	struct stack_figure total = {0};

	for (uint32_t i = 1; i < stacks->figure_count; i++) {
		total.weight += stacks->figures[i][kind].weight;
		total.count += stacks->figures[i][kind].count;
		total.samples += stacks->figures[i][kind].samples;
	}
	return total;
}

int stacks__fill(const struct stacks *stacks, enum flame_kind kind, double scale,
                 struct profile *profile)
{
	const char *names[DEPTH_MAX];
	int err = 0;

	for (uint32_t stack = 1; stack < stacks->count && !err; stack++) {
		const struct stack_figure *figures = stacks__figures(stacks, stack);
		size_t n = DEPTH_MAX;

		if (!figures || !figures[kind].samples)
			continue;
		for (uint32_t at = stack; at != STACKS_ROOT && n > 0;
		     at = stacks->frames[at].caller)
			names[--n] = stacks->frames[at].name;
		err = profile__add(profile, names + n, DEPTH_MAX - n, figures[kind].weight * scale,
		                   figures[kind].samples);
	}
	return err;
}
