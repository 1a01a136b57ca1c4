/* SPDX-License-Identifier: MIT */
#include "address_map.h"

uint16_t address_map[WINDOW_GRANULES] __attribute__((aligned(PAGE_SIZE)));

void address_map_set(const void *base, size_t granules, unsigned class)
{
	uint16_t *entry = &address_map[(uintptr_t)base >> GRANULE_SHIFT];
	for (size_t i = 0; i < granules; i++)
		entry[i] = (uint16_t)(class * SLOT_BYTES);
}
