/* SPDX-License-Identifier: MIT */
/* Floor 5: magazines, arrays of pointers to free blocks. Capacities are 2^k - 2 cells. */
#ifndef HAK_MAGAZINE_H
#define HAK_MAGAZINE_H

#include "base.h"
#include "meta.h"

struct magazine {
	struct magazine *next; /* in the depot */
	uint32_t capacity;
	uint32_t count; /* blocks; not maintained while a thread has it loaded */
	void *cells[];
};

static inline size_t magazine_bytes(size_t capacity)
{
	return sizeof(struct magazine) + capacity * sizeof(void *);
}

/* Smallest capacity that holds `cells` (1 .. MAGAZINE_CELLS_MAX). */
static inline uint32_t magazine_capacity_for(size_t cells)
{
	uint32_t capacity = MAGAZINE_CELLS_MIN;
	while (capacity < cells)
		capacity = capacity * 2 + 2;
	return capacity;
}

/* An empty one; NULL when there is no memory. */
static inline struct magazine *magazine_new(uint32_t capacity)
{
	struct magazine *magazine = meta_take(magazine_bytes(capacity));
	if (magazine)
		magazine->capacity = capacity;
	return magazine;
}

static inline void magazine_free(struct magazine *magazine)
{
	meta_give(magazine, magazine_bytes(magazine->capacity));
}

static_assert(sizeof(struct magazine) + MAGAZINE_CELLS_MIN * sizeof(void *) == 128,
              "a magazine is a power of two");

/* Of one that is not loaded. */
static inline bool magazine_is_valid(const struct magazine *magazine)
{
	return is_power_of_two((size_t)magazine->capacity + 2) &&
	       magazine->capacity >= MAGAZINE_CELLS_MIN &&
	       magazine->capacity <= MAGAZINE_CELLS_MAX && magazine->count <= magazine->capacity;
}

#endif
