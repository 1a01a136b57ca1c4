/* SPDX-License-Identifier: MIT */
#include "tools/base/numbering.h"

#include <stdlib.h>
#include <string.h>

static size_t *slot_of(const struct numbering *n, const void *thing, uint64_t also)
{
	const size_t mask = 2 * n->capacity - 1;
	uint64_t hash =
	        ((uint64_t)(uintptr_t)thing ^ also * 0xbf58476d1ce4e5b9ull) * 0x9e3779b97f4a7c15ull;
	size_t at = (size_t)(hash >> 32) & mask;

	for (; n->slots[at]; at = (at + 1) & mask) {
		const struct numbered *entry = &n->list[n->slots[at] - 1];

		if (entry->thing == thing && entry->also == also)
			break;
	}
	return &n->slots[at];
}

static int grow(struct numbering *n)
{
	struct numbering larger = {.count = n->count,
	                           .capacity = n->capacity ? 2 * n->capacity : 256};

	larger.slots = calloc(2 * larger.capacity, sizeof(*larger.slots));
	larger.list =
	        larger.slots ? reallocarray(n->list, larger.capacity, sizeof(*larger.list)) : NULL;
	if (!larger.list) {
		free(larger.slots);
		return -1;
	}
	for (size_t i = 0; i < n->count; i++)
		*slot_of(&larger, larger.list[i].thing, larger.list[i].also) = i + 1;
	free(n->slots);
	*n = larger;
	return 0;
}

ptrdiff_t numbering__of(struct numbering *n, const void *thing, uint64_t also)
{
	size_t *slot;

	if (n->count == n->capacity && grow(n))
		return -1;
	slot = slot_of(n, thing, also);
	if (!*slot) {
		n->list[n->count] = (struct numbered){.thing = thing, .also = also};
		*slot = ++n->count;
	}
	return (ptrdiff_t)*slot - 1;
}

void numbering__clear(struct numbering *n)
{
	free(n->list);
	free(n->slots);
	memset(n, 0, sizeof(*n));
}
