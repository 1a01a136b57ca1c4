/* SPDX-License-Identifier: MIT */
/* Numbers things in the order of their coming: 0, 1, … A thing is a pair, such as an interned name
 * and an address. */
#ifndef HAK_NUMBERING_H
#define HAK_NUMBERING_H

#include <stddef.h>
#include <stdint.h>

struct numbered {
	const void *thing;
	uint64_t also;
};

struct numbering {
	struct numbered *list; /* in their order */
	size_t count, capacity;
	size_t *slots; /* number + 1; 0: free */
};

/* The number of (thing, also), a new one when it has none; -1 when out of memory. Starts from
 * zeros. */
ptrdiff_t numbering__of(struct numbering *numbering, const void *thing, uint64_t also);

/* Frees what `numbering` holds. */
void numbering__clear(struct numbering *numbering);

#endif
