/* SPDX-License-Identifier: MIT */
#include "bench/trace/recorder/objects.h"

#include <stddef.h>
#include <sys/mman.h>

enum { FIRST_CAPACITY = 1 << 16 };

static uint64_t place_of(const struct objects *objects, uintptr_t address)
{
	return (address >> 4) * 0x9e3779b97f4a7c15ull >> 20 & (objects->capacity - 1);
}

static struct object *map(uint64_t capacity)
{
	void *places = mmap(NULL, capacity * sizeof(struct object), PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return places == MAP_FAILED ? NULL : places;
}

bool objects_open(struct objects *objects)
{
	*objects = (struct objects){.places = map(FIRST_CAPACITY), .capacity = FIRST_CAPACITY};
	return objects->places;
}

void objects_close(struct objects *objects)
{
	if (objects->places)
		munmap(objects->places, objects->capacity * sizeof(struct object));
	*objects = (struct objects){0};
}

static void put(struct objects *objects, struct object object)
{
	uint64_t i = place_of(objects, object.address);
	while (objects->places[i].address)
		i = (i + 1) & (objects->capacity - 1);
	objects->places[i] = object;
}

static bool grow(struct objects *objects)
{
	struct objects wider = {.places = map(objects->capacity * 2),
	                        .count = objects->count,
	                        .capacity = objects->capacity * 2};
	if (!wider.places)
		return false;
	for (uint64_t i = 0; i < objects->capacity; i++)
		if (objects->places[i].address)
			put(&wider, objects->places[i]);
	objects_close(objects);
	*objects = wider;
	return true;
}

bool objects_add(struct objects *objects, const void *address, uint32_t number)
{
	if (objects->count * 2 >= objects->capacity && !grow(objects))
		return false;
	put(objects, (struct object){(uintptr_t)address, number});
	objects->count++;
	return true;
}

bool objects_remove(struct objects *objects, const void *address, uint32_t *number)
{
	uint64_t mask = objects->capacity - 1, i = place_of(objects, (uintptr_t)address);
	while (objects->places[i].address != (uintptr_t)address) {
		if (!objects->places[i].address)
			return false;
		i = (i + 1) & mask;
	}
	*number = objects->places[i].number;
	/* Closes the gap: whoever had to go past it moves up. */
	for (uint64_t j = (i + 1) & mask; objects->places[j].address; j = (j + 1) & mask) {
		uint64_t home = place_of(objects, objects->places[j].address);
		if (((j - home) & mask) >= ((j - i) & mask)) {
			objects->places[i] = objects->places[j];
			i = j;
		}
	}
	objects->places[i].address = 0;
	objects->count--;
	return true;
}
