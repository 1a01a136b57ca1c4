/* SPDX-License-Identifier: MIT */
/* Which object lies at an address: a hash table that grows, made of mapped memory only. */
#ifndef BENCH_RECORDER_OBJECTS_H
#define BENCH_RECORDER_OBJECTS_H

#include <stdbool.h>
#include <stdint.h>

struct objects {
	struct object {
		uintptr_t address; /* 0: free place */
		uint32_t number;
	} * places;
	uint64_t count, capacity; /* a power of two */
};

bool objects_open(struct objects *objects);
void objects_close(struct objects *objects);

/* The address is not in the table. False when there is no memory. */
bool objects_add(struct objects *objects, const void *address, uint32_t number);

/* False when nothing is known of the address. */
bool objects_remove(struct objects *objects, const void *address, uint32_t *number);

#endif
