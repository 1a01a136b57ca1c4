/* SPDX-License-Identifier: MIT */
/*
 * The sampled objects that are alive: entered at otel_memory:alloc, taken out at otel_memory:free.
 * Memory is bounded: when the table is full, a random half of it goes, and the weights of those
 * that stay, and of those that come (of which only every second is entered from then on), are
 * doubled. So sums of weights stay unbiased, whatever the number of objects; only their error
 * grows.
 */
#ifndef HAK_HEAP_H
#define HAK_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEAP_AGES = 64 };

struct heap_object {
	uint64_t ptr; /* never 0 */
	uint64_t time_ns;
	double weight; /* bytes that it stands for */
	double count;  /* allocations that it stands for */
	uint32_t stack;
};

/* Lifetimes of objects that were freed; [i]: from 2^i to 2^(i+1) ns, [0] shorter as well. */
struct heap_lifetimes {
	uint64_t samples[HEAP_AGES];
	double weight[HEAP_AGES];
};

struct heap_counts {
	uint64_t entered;
	uint64_t freed;
	uint64_t replaced; /* taken out because another got its address: its free was lost */
	uint64_t unknown;  /* frees of what is not in the table */
	uint64_t evicted;  /* put out, or not let in, because the table was full */
};

struct heap;

/* At most `most` objects (a power of two, ≥ 16). NULL and ENOMEM on failure. */
struct heap *heap__new(size_t most);

/* Accepts NULL. */
void heap__free(struct heap *heap);

/* Enters an object. 0 or -ENOMEM. */
int heap__enter(struct heap *heap, const struct heap_object *object);

/* Takes out the object at `ptr`, which was freed at `time_ns`; false when it is not known. */
bool heap__leave(struct heap *heap, uint64_t ptr, uint64_t time_ns, struct heap_object *object);

/* Calls `visit` for every object; stops when it returns other than 0, and returns that. */
typedef int heap_visit_fn(const struct heap_object *object, void *context);
int heap__walk(const struct heap *heap, heap_visit_fn *visit, void *context);

size_t heap__size(const struct heap *heap);
const struct heap_counts *heap__counts(const struct heap *heap);
const struct heap_lifetimes *heap__lifetimes(const struct heap *heap);

#endif
