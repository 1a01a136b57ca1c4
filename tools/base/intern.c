/* SPDX-License-Identifier: MIT */
/* Open addressing over strings that lie in chunks, which are never moved. */
#include "tools/base/intern.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/text.h"

enum {
	CHUNK_BYTES = 64 * 1024,
	SLOTS_FIRST = 256, /* power of two */
	NAME_MOST = 16384, /* bytes of a name: templates make the longest */
};

struct chunk {
	struct chunk *next;
	char bytes[];
};

struct slot {
	const char *string; /* NULL: free */
	uint32_t hash;
	uint32_t length;
};

struct intern {
	struct slot *slots;
	size_t mask; /* number of slots - 1; at least a quarter of them is free */
	size_t used;
	struct chunk *chunks;
	char *free;
	size_t free_bytes;
	size_t size;
};

/* FNV-1a, 64 bits folded to 32. */
static uint32_t hash_bytes(const char *string, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325ull;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)string[i]) * 0x100000001b3ull;
	return (uint32_t)(hash ^ hash >> 32);
}

struct intern *intern__new(void)
{
	struct intern *set = calloc(1, sizeof(*set));
	if (!set)
		return NULL;
	set->slots = calloc(SLOTS_FIRST, sizeof(*set->slots));
	if (!set->slots) {
		free(set);
		return NULL;
	}
	set->mask = SLOTS_FIRST - 1;
	return set;
}

void intern__free(struct intern *set)
{
	if (!set)
		return;
	while (set->chunks) {
		struct chunk *next = set->chunks->next;
		free(set->chunks);
		set->chunks = next;
	}
	free(set->slots);
	free(set);
}

static int grow(struct intern *set)
{
	size_t count = 2 * (set->mask + 1);
	struct slot *slots = calloc(count, sizeof(*slots));
	if (!slots)
		return -1;
	for (size_t i = 0; i <= set->mask; i++) {
		if (!set->slots[i].string)
			continue;
		size_t at = set->slots[i].hash & (count - 1);
		while (slots[at].string)
			at = (at + 1) & (count - 1);
		slots[at] = set->slots[i];
	}
	free(set->slots);
	set->slots = slots;
	set->mask = count - 1;
	return 0;
}

static char *store(struct intern *set, const char *string, size_t length)
{
	if (set->free_bytes < length + 1) {
		size_t bytes = length + 1 > CHUNK_BYTES ? length + 1 : CHUNK_BYTES;
		struct chunk *chunk = malloc(sizeof(*chunk) + bytes);
		if (!chunk)
			return NULL;
		chunk->next = set->chunks;
		set->chunks = chunk;
		set->free = chunk->bytes;
		set->free_bytes = bytes;
	}
	char *copy = set->free;
	memcpy(copy, string, length);
	copy[length] = '\0';
	set->free += length + 1;
	set->free_bytes -= length + 1;
	set->size += length + 1;
	return copy;
}

const char *intern__bytes(struct intern *set, const char *string, size_t length)
{
	if (length >= UINT32_MAX)
		return NULL;
	if (4 * (set->used + 1) > 3 * (set->mask + 1) && grow(set))
		return NULL;
	uint32_t hash = hash_bytes(string, length);
	size_t at = hash & set->mask;
	for (; set->slots[at].string; at = (at + 1) & set->mask) {
		const struct slot *slot = &set->slots[at];
		if (slot->hash == hash && slot->length == length &&
		    !memcmp(slot->string, string, length))
			return slot->string;
	}
	char *copy = store(set, string, length);
	if (!copy)
		return NULL;
	set->slots[at] = (struct slot){copy, hash, (uint32_t)length};
	set->used++;
	return copy;
}

const char *intern__string(struct intern *set, const char *string)
{
	return intern__bytes(set, string, strlen(string));
}

const char *intern__name(struct intern *set, const char *string, size_t length)
{
	const char *name = NULL;
	char *copy;

	length = strnlen(string, length < NAME_MOST ? length : NAME_MOST);
	copy = strndup(string, length);
	if (copy)
		name = intern__string(set, text__flatten(copy));
	free(copy);
	return name;
}

size_t intern__size(const struct intern *set)
{
	return set->size;
}
