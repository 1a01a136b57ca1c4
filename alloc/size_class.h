/* SPDX-License-Identifier: MIT */
/*
 * Floor 2: size classes. Up to SMALL_MAX every multiple of 16; above it eight classes per doubling,
 * so that internal waste stays below 12.5 %. Class 0 is no class.
 *
 * The hot path works with slot offsets (class * sizeof(struct hak_slot)), which save it a shift.
 */
#ifndef HAK_SIZE_CLASS_H
#define HAK_SIZE_CLASS_H

#include "base.h"

enum {
	SMALL_CLASSES = SMALL_MAX / SMALL_SPACING, /* classes 1 .. SMALL_CLASSES */
	CLASSES_PER_DOUBLING = 8,
	SPAN_GRANULES_MAX = 8,
	SLOT_BYTES = sizeof(struct hak_slot),
	SMALL_SCALE = SLOT_BYTES / SMALL_SPACING, /* rounded size → slot offset */
};

static_assert(SLOT_BYTES == 32 && SMALL_SCALE == 2, "the hot path scales by it");
static_assert(SMALL_CLASSES + 5 * CLASSES_PER_DOUBLING + 1 == HAK_CLASS_COUNT,
              "1024 to 32768 is five doublings");
static_assert(HAK_CLASS_COUNT * SLOT_BYTES <= UINT16_MAX, "slot offsets fit the maps");

/* What there is to know about a class; zero for class 0. Filled once by size_class_init(). */
struct size_class {
	uint32_t size;        /* of a block, bytes */
	uint32_t span_blocks; /* blocks in a span when not coloured */
	uint64_t reciprocal;  /* ceil(2^64 / size); see size_class_index() */
	uint16_t span_granules;
	uint16_t colours;     /* first blocks start at 0, step, …, (colours - 1) * step */
	uint16_t colour_step; /* bytes */
	uint16_t cells_max;   /* largest magazine of this class */
	uint32_t usable;      /* bytes of a block that its user may have */
	uint32_t in_place;    /* so far realloc goes without a look at the block; 0: nowhere */
} __attribute__((aligned(32)));

static_assert(sizeof(struct size_class) == SLOT_BYTES,
              "found by slot offset without a multiplication");

extern struct size_class size_classes[HAK_CLASS_COUNT];

/* Slot offset by (size + MEDIUM_SPACING - 1) / MEDIUM_SPACING; zero until size_class_init(), and
 * the last one, which the pad leads to, for ever. */
extern uint16_t size_class_medium[MEDIUM_MAX / MEDIUM_SPACING + 2];

enum { PAD_MAX = SMALL_SPACING }; /* so that class SMALL_CLASSES + 1 holds SMALL_MAX and the pad */

/* Bytes of each block that are not its user's, and what is added to round up to a small class. */
extern size_t size_class_pad, size_class_up;

/*
 * Each block ends in `pad` (≤ PAD_MAX) bytes that are not its user's, and no realloc is done
 * without looking at its block. Called once, after size_class_init(); or never: pad is 0 then.
 */
void size_class_set_pad(size_t pad);

/*
 * Fills the tables. `magazine_bytes` bounds what a magazine of a class may hold (bytes ≥ 1 KiB);
 * small classes reach MAGAZINE_CELLS_MAX before. Called once, before the first allocation.
 */
void size_class_init(size_t magazine_bytes);

/* Class of a request of `n` bytes; 0 when larger than MEDIUM_MAX. A request of 0 bytes gets
 * class 1. */
static inline unsigned size_class_of(size_t n)
{
	if (n <= SMALL_MAX)
		return n ? (unsigned)((n + SMALL_SPACING - 1) / SMALL_SPACING) : 1;
	if (n <= MEDIUM_MAX)
		return size_class_medium[(n + MEDIUM_SPACING - 1) / MEDIUM_SPACING] / SLOT_BYTES;
	return 0;
}

/* How far realloc may go in a block of the class with that slot offset. */
hot_inline size_t size_class_slot_in_place(size_t slot)
{
	return ((const struct size_class *)((const char *)size_classes + slot))->in_place;
}

/* The same for `n` bytes and the pad behind them. */
static inline unsigned size_class_of_request(size_t n)
{
	size_t up = n + size_class_up;
	if (n <= SMALL_MAX)
		return n ? (unsigned)(up / SMALL_SPACING) : 1;
	if (n <= MEDIUM_MAX)
		return size_class_medium[(up + MEDIUM_SPACING - SMALL_SPACING) / MEDIUM_SPACING] /
		       SLOT_BYTES;
	return 0;
}

static inline size_t size_class_size(unsigned class)
{
	return size_classes[class].size;
}

static inline size_t size_class_usable(unsigned class)
{
	return size_classes[class].usable;
}

/*
 * Index of the block that is `offset` bytes behind the first one; `*boundary`: it begins just
 * there. The product's upper half is the quotient, and its lower half is below the reciprocal where
 * nothing remains (Lemire, Kaser & Kurz, "Faster remainder by direct computation", 2019). Exact for
 * any offset in a span.
 */
static inline uint64_t size_class_index(uint64_t reciprocal, uint64_t offset, bool *boundary)
{
	unsigned __int128 product = (unsigned __int128)offset * reciprocal;
	*boundary = (uint64_t)product < reciprocal;
	return (uint64_t)(product >> 64);
}

/*
 * Request size that gets `n` bytes at alignment `align` (a power of two): the size of the smallest
 * class whose blocks are all aligned so. 0 when no class is.
 */
size_t size_class_aligned(size_t n, size_t align);

#endif
