/* SPDX-License-Identifier: MIT */
/*
 * Floor 3: the map from address to size class. One 16-bit slot offset per granule of the window; 0
 * means "ask the cold path". In .bss, so that it is right (all cold) before anything ran; only the
 * pages that arenas use come to exist.
 *
 * Written when a span is made or given up, read without a lock: a thread that frees a block got it,
 * by some synchronisation of the program's, from a malloc that came after the entry was written.
 */
#ifndef HAK_ADDRESS_MAP_H
#define HAK_ADDRESS_MAP_H

#include "base.h"
#include "size_class.h"

extern uint16_t address_map[WINDOW_GRANULES];

/* Index of the granule that `p` lies in; WINDOW_GRANULES or more when that is outside of the
 * window. */
hot_inline uintptr_t address_map_granule(const void *p)
{
	uintptr_t granule = (uintptr_t)p >> GRANULE_SHIFT;
	/* Empty, but clang must not know where the number comes from: it would compare the bits
	 * above the window instead, and shift twice. */
	__asm__("" : "+r"(granule));
	return granule;
}

/* Slot offset of the class of `p`'s granule; 0 when there is
 * none or `p` is outside of the window. */
hot_inline size_t address_map_slot(const void *p)
{
	uintptr_t granule = address_map_granule(p);
	if (unlikely(granule >= WINDOW_GRANULES))
		return 0;
	return address_map[granule];
}

static inline unsigned address_map_class(const void *p)
{
	return (unsigned)(address_map_slot(p) / SLOT_BYTES);
}

/* `base` is granule-aligned and in the window; class 0 clears. */
void address_map_set(const void *base, size_t granules, unsigned class);

#endif
