/* SPDX-License-Identifier: MIT */
#include "tools/profile/heap.h"

#include <errno.h>
#include <stdlib.h>

enum { SLOTS_FIRST = 1024 };

struct heap {
	struct heap_object *slots; /* open addressing, at most half full; ptr 0: free */
	size_t room;               /* a power of two */
	size_t size;
	size_t most;
	unsigned halvings;
	uint64_t random;
	struct heap_counts counts;
	struct heap_lifetimes lifetimes;
};

struct heap *heap__new(size_t most)
{
	struct heap *heap = calloc(1, sizeof(*heap));

	if (!heap)
		return NULL;
	heap->most = most;
	heap->random = 0x9e3779b97f4a7c15ull;
	heap->room = SLOTS_FIRST < 2 * most ? SLOTS_FIRST : 2 * most;
	heap->slots = calloc(heap->room, sizeof(*heap->slots));
	if (!heap->slots) {
		free(heap);
		errno = ENOMEM;
		return NULL;
	}
	return heap;
}

void heap__free(struct heap *heap)
{
	if (!heap)
		return;
	free(heap->slots);
	free(heap);
}

static size_t home_of(uint64_t ptr, size_t room)
{
	return (size_t)((ptr >> 4) * 0x9e3779b97f4a7c15ull >> 32) & (room - 1);
}

static struct heap_object *slot_of(struct heap_object *slots, size_t room, uint64_t ptr)
{
	size_t at = home_of(ptr, room);

	while (slots[at].ptr && slots[at].ptr != ptr)
		at = (at + 1) & (room - 1);
	return &slots[at];
}

/* Moves all objects that `keep` lets pass to a table of `room` slots. */
static int rehash(struct heap *heap, size_t room, bool (*keep)(struct heap *, struct heap_object *))
{
	struct heap_object *slots = calloc(room, sizeof(*slots));
	size_t size = 0;

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < heap->room; i++) {
		struct heap_object *object = &heap->slots[i];

		if (!object->ptr || (keep && !keep(heap, object)))
			continue;
		*slot_of(slots, room, object->ptr) = *object;
		size++;
	}
	free(heap->slots);
	heap->slots = slots;
	heap->room = room;
	heap->size = size;
	return 0;
}

/* xorshift64*: true once in 2^bits times. */
static bool chance(struct heap *heap, unsigned bits)
{
	heap->random ^= heap->random >> 12;
	heap->random ^= heap->random << 25;
	heap->random ^= heap->random >> 27;
	return !(heap->random * 0x2545f4914f6cdd1dull >> 32 & ((1ull << bits) - 1));
}

static bool keep_half(struct heap *heap, struct heap_object *object)
{
	if (!chance(heap, 1)) {
		heap->counts.evicted++;
		return false;
	}
	object->weight *= 2;
	object->count *= 2;
	return true;
}

static int make_room(struct heap *heap)
{
	if (heap->size < heap->most)
		return 2 * (heap->size + 1) > heap->room ? rehash(heap, 2 * heap->room, NULL) : 0;
	if (heap->halvings < 30)
		heap->halvings++;
	return rehash(heap, heap->room, keep_half);
}

/* Closes the gap: what comes behind it moves up to where it is looked for. */
static void take_out(struct heap *heap, size_t gap)
{
	const size_t mask = heap->room - 1;

	for (size_t at = (gap + 1) & mask; heap->slots[at].ptr; at = (at + 1) & mask) {
		size_t home = home_of(heap->slots[at].ptr, heap->room);

		if (((at - home) & mask) < ((at - gap) & mask))
			continue;
		heap->slots[gap] = heap->slots[at];
		gap = at;
	}
	heap->slots[gap].ptr = 0;
	heap->size--;
}

int heap__enter(struct heap *heap, const struct heap_object *object)
{
	struct heap_object *slot = slot_of(heap->slots, heap->room, object->ptr);
	double scale;
	int err;

	if (slot->ptr) {
		heap->counts.replaced++;
		take_out(heap, (size_t)(slot - heap->slots));
	}
	/* First, since it may raise the number of halvings that this object has to pass as well. */
	err = make_room(heap);
	if (err)
		return err;
	if (!chance(heap, heap->halvings)) {
		heap->counts.evicted++;
		return 0;
	}
	scale = (double)(1ull << heap->halvings);
	slot = slot_of(heap->slots, heap->room, object->ptr);
	*slot = *object;
	slot->weight *= scale;
	slot->count *= scale;
	heap->size++;
	heap->counts.entered++;
	return 0;
}

static void note_lifetime(struct heap_lifetimes *lifetimes, uint64_t age, double weight)
{
	unsigned at = age ? 63u - (unsigned)__builtin_clzll(age) : 0;

	lifetimes->samples[at]++;
	lifetimes->weight[at] += weight;
}

bool heap__leave(struct heap *heap, uint64_t ptr, uint64_t time_ns, struct heap_object *object)
{
	struct heap_object *slot = ptr ? slot_of(heap->slots, heap->room, ptr) : NULL;

	if (!slot || !slot->ptr) {
		heap->counts.unknown++;
		return false;
	}
	*object = *slot;
	take_out(heap, (size_t)(slot - heap->slots));
	heap->counts.freed++;
	note_lifetime(&heap->lifetimes, time_ns > object->time_ns ? time_ns - object->time_ns : 0,
	              object->weight);
	return true;
}

int heap__walk(const struct heap *heap, heap_visit_fn *visit, void *context)
{
	for (size_t i = 0; i < heap->room; i++) {
		int result = heap->slots[i].ptr ? visit(&heap->slots[i], context) : 0;

		if (result)
			return result;
	}
	return 0;
}

size_t heap__size(const struct heap *heap)
{
	return heap->size;
}

const struct heap_counts *heap__counts(const struct heap *heap)
{
	return &heap->counts;
}

const struct heap_lifetimes *heap__lifetimes(const struct heap *heap)
{
	return &heap->lifetimes;
}
