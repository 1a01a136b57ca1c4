/* SPDX-License-Identifier: MIT */
#include "size_class.h"

struct size_class size_classes[HAK_CLASS_COUNT];
uint16_t size_class_medium[MEDIUM_MAX / MEDIUM_SPACING + 2];
size_t size_class_pad, size_class_up = SMALL_SPACING - 1;

enum {
	SPAN_BLOCKS_MIN = 8,
	COLOURS_MAX = 16,
	COLOUR_BYTES_MAX = 1024, /* of a span may go into colouring: 1.6 % of the smallest */
	CACHE_LINE = 64,
};

static uint32_t class_size(unsigned class)
{
	if (class <= SMALL_CLASSES)
		return class * SMALL_SPACING;
	unsigned step = class - SMALL_CLASSES - 1;
	uint32_t base = (uint32_t)SMALL_MAX << (step / CLASSES_PER_DOUBLING);
	return base + base / CLASSES_PER_DOUBLING * (step % CLASSES_PER_DOUBLING + 1);
}

/* Fewest granules that hold SPAN_BLOCKS_MIN blocks and waste at most 1/16; else the least waste. */
static uint16_t span_granules(uint32_t size)
{
	uint16_t best = 1;
	uint32_t best_waste = UINT32_MAX;
	for (uint16_t granules = 1; granules <= SPAN_GRANULES_MAX; granules++) {
		uint32_t bytes = (uint32_t)granules * GRANULE_SIZE;
		if (bytes / size < SPAN_BLOCKS_MIN && granules < SPAN_GRANULES_MAX)
			continue;
		uint32_t waste = bytes % size * (SPAN_GRANULES_MAX * 2) / granules;
		if (waste < best_waste) {
			best = granules;
			best_waste = waste;
		}
		if (bytes % size * 16 <= bytes)
			break;
	}
	return best;
}

/*
 * Spans start at multiples of 64 KiB; without colouring their first blocks would all fall into the
 * same cache sets. A colour keeps the alignment that the block size implies (Bonwick, "The Slab
 * Allocator", USENIX 1994).
 */
static void set_colours(struct size_class *class)
{
	uint32_t natural = class->size & -class->size;
	uint32_t step = natural > CACHE_LINE ? natural : CACHE_LINE;
	uint32_t slack = class->span_granules * GRANULE_SIZE - class->span_blocks * class->size;
	uint32_t room = slack > COLOUR_BYTES_MAX ? slack : COLOUR_BYTES_MAX;
	uint32_t colours = room / step;
	class->colour_step = (uint16_t)(step > COLOUR_BYTES_MAX ? 0 : step);
	class->colours = (uint16_t)(colours < 1 || step > COLOUR_BYTES_MAX ? 1
	                            : colours > COLOURS_MAX                ? COLOURS_MAX
	                                                                   : colours);
}

void size_class_init(size_t magazine_bytes)
{
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++) {
		struct size_class *class = &size_classes[c];
		uint32_t size = class_size(c);
		class->size = class->usable = class->in_place = size;
		class->reciprocal = UINT64_MAX / size + 1;
		class->span_granules = span_granules(size);
		class->span_blocks = (uint32_t) class->span_granules * GRANULE_SIZE / size;
		class->cells_max =
		        (uint16_t)min_size(max_size(magazine_bytes / size, 4), MAGAZINE_CELLS_MAX);
		set_colours(class);
	}
	unsigned c = 1;
	for (unsigned i = 1; i <= MEDIUM_MAX / MEDIUM_SPACING; i++) {
		while (size_classes[c].size < i * MEDIUM_SPACING)
			c++;
		size_class_medium[i] = (uint16_t)(c * SLOT_BYTES);
	}
}

void size_class_set_pad(size_t pad)
{
	size_class_pad = pad;
	size_class_up = SMALL_SPACING - 1 + pad;
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++) {
		size_classes[c].usable = size_classes[c].size - (uint32_t)pad;
		size_classes[c].in_place = 0;
	}
}

size_t size_class_aligned(size_t n, size_t align)
{
	if (align > PAGE_SIZE || n > MEDIUM_MAX)
		return 0;
	for (unsigned c = size_class_of(max_size(n, align)); c < HAK_CLASS_COUNT; c++)
		if (size_classes[c].size % align == 0)
			return size_classes[c].size;
	return 0;
}
