/* SPDX-License-Identifier: MIT */
/*
 * The stacks are a tree of frames in one array. A frame is found among its caller's callees by a
 * hash of (caller, name); since names are interned, their addresses are compared. A callee always
 * comes behind its caller in the array, so one pass from the end sums the tree.
 */
#include "tools/profile/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/intern.h"

enum {
	NODES_FIRST = 256,
	ROOT = 0, /* has no name; the caller of outermost frames */
	NONE = 0, /* no node: the root is nobody's callee */
};

struct node {
	const char *name;
	double weight; /* of stacks that end here */
	double other;  /* the same, of the other profile */
	uint64_t count;
	uint32_t caller;
	uint32_t callee;  /* first; NONE */
	uint32_t sibling; /* next callee of the caller; NONE */
};

struct profile {
	struct intern *names;
	const char *title, *unit; /* interned */
	const char *unknown;
	struct node *nodes;
	uint32_t count, capacity;
	uint32_t *slots; /* hash table of node numbers, NONE: free; twice the capacity */
	double weight;
	uint64_t samples;
	enum profile_comparison comparison;
	double other;
};

/* --- building --------------------------------------------------------------------------------- */

static size_t hash_of(uint32_t caller, const char *name)
{
	uint64_t hash =
	        ((uint64_t)(uintptr_t)name ^ (uint64_t)caller << 40) * 0x9e3779b97f4a7c15ull;
	hash = (hash ^ hash >> 29 ^ caller) * 0xbf58476d1ce4e5b9ull;
	return (size_t)(hash >> 32);
}

static uint32_t *slot_of(const struct node *nodes, uint32_t *slots, uint32_t mask, uint32_t caller,
                         const char *name)
{
	size_t at = hash_of(caller, name) & mask;
	while (slots[at] != NONE &&
	       (nodes[slots[at]].caller != caller || nodes[slots[at]].name != name))
		at = (at + 1) & mask;
	return &slots[at];
}

static int grow(struct profile *p)
{
	uint32_t capacity = p->capacity ? 2 * p->capacity : NODES_FIRST;
	if (capacity > UINT32_MAX / 4)
		return -ENOMEM;
	uint32_t *slots = calloc(2 * (size_t)capacity, sizeof(*slots));
	struct node *nodes = slots ? reallocarray(p->nodes, capacity, sizeof(*nodes)) : NULL;
	if (!nodes) {
		free(slots);
		return -ENOMEM;
	}
	for (uint32_t i = 1; i < p->count; i++)
		*slot_of(nodes, slots, 2 * capacity - 1, nodes[i].caller, nodes[i].name) = i;
	free(p->slots);
	p->slots = slots;
	p->nodes = nodes;
	p->capacity = capacity;
	return 0;
}

struct profile *profile__new(const char *title, const char *unit)
{
	struct profile *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->names = intern__new();
	if (!p->names || !(p->title = intern__string(p->names, title)) ||
	    !(p->unit = intern__string(p->names, unit)) ||
	    !(p->unknown = intern__string(p->names, "[unknown]")) || grow(p)) {
		profile__free(p);
		errno = ENOMEM;
		return NULL;
	}
	p->nodes[ROOT] = (struct node){0};
	p->count = 1;
	return p;
}

void profile__free(struct profile *p)
{
	if (!p)
		return;
	intern__free(p->names);
	free(p->nodes);
	free(p->slots);
	free(p);
}

/* The callee `name` of `caller`, made when it is new; NONE when out of memory. */
static uint32_t callee_of(struct profile *p, uint32_t caller, const char *name)
{
	uint32_t *slot = slot_of(p->nodes, p->slots, 2 * p->capacity - 1, caller, name);
	if (*slot != NONE)
		return *slot;
	if (p->count == p->capacity) {
		if (grow(p))
			return NONE;
		slot = slot_of(p->nodes, p->slots, 2 * p->capacity - 1, caller, name);
	}
	struct node *parent = &p->nodes[caller];
	p->nodes[p->count] =
	        (struct node){.name = name, .caller = caller, .sibling = parent->callee};
	parent->callee = p->count;
	*slot = p->count;
	return p->count++;
}

/* The node of a stack, made when it is new; NONE when out of memory. */
static uint32_t node_of(struct profile *p, const char *const *frames, size_t n)
{
	uint32_t at = ROOT;
	for (size_t i = 0; i < n || i == 0; i++) {
		const char *name = p->unknown;
		if (n > 0 && frames[i] && *frames[i])
			name = intern__string(p->names, frames[i]);
		at = name ? callee_of(p, at, name) : NONE;
		if (at == NONE)
			return NONE;
	}
	return at;
}

int profile__add(struct profile *p, const char *const *frames, size_t n, double weight,
                 uint64_t count)
{
	uint32_t at = node_of(p, frames, n);
	if (at == NONE)
		return -ENOMEM;
	p->nodes[at].weight += weight;
	p->nodes[at].count += count;
	p->weight += weight;
	p->samples += count;
	return 0;
}

void profile__compare(struct profile *p, enum profile_comparison comparison)
{
	p->comparison = comparison;
}

int profile__add_other(struct profile *p, const char *const *frames, size_t n, double weight)
{
	uint32_t at = node_of(p, frames, n);
	if (at == NONE)
		return -ENOMEM;
	p->nodes[at].other += weight;
	p->other += weight;
	return 0;
}

enum profile_comparison profile__compared(const struct profile *p)
{
	return p->comparison;
}

double profile__other(const struct profile *p)
{
	return p->other;
}

double profile__weight(const struct profile *p)
{
	return p->weight;
}

uint64_t profile__count(const struct profile *p)
{
	return p->samples;
}

const char *profile__title(const struct profile *p)
{
	return p->title;
}

const char *profile__unit(const struct profile *p)
{
	return p->unit;
}

/* --- walking ---------------------------------------------------------------------------------- */

struct total {
	double weight;
	double other;
	uint64_t count;
};

/* A node that is still to be visited. */
struct pending {
	const char *name;
	uint32_t node;
	uint32_t depth;
	double offset;
};

struct walk {
	const struct profile *profile;
	struct total *totals;
	struct pending *pending; /* a stack, the next one on top; a node is on it at most once */
	size_t count;
};

static struct total *sum_up(const struct profile *p)
{
	struct total *totals = calloc(p->count, sizeof(*totals));
	if (!totals)
		return NULL;
	for (uint32_t i = p->count; i-- > 0;) {
		totals[i].weight += p->nodes[i].weight;
		totals[i].other += p->nodes[i].other;
		totals[i].count += p->nodes[i].count;
		if (i != ROOT) {
			totals[p->nodes[i].caller].weight += totals[i].weight;
			totals[p->nodes[i].caller].other += totals[i].other;
			totals[p->nodes[i].caller].count += totals[i].count;
		}
	}
	return totals;
}

static int later_name_first(const void *left, const void *right)
{
	return -strcmp(((const struct pending *)left)->name, ((const struct pending *)right)->name);
}

/* Puts the callees of a node on the stack, the first by name on top. */
static void push_callees(struct walk *w, uint32_t caller, uint32_t depth, double offset)
{
	const struct node *nodes = w->profile->nodes;
	struct pending *first = &w->pending[w->count];
	for (uint32_t i = nodes[caller].callee; i != NONE; i = nodes[i].sibling)
		w->pending[w->count++] = (struct pending){nodes[i].name, i, depth, 0};
	size_t count = (size_t)(&w->pending[w->count] - first);
	qsort(first, count, sizeof(*first), later_name_first);
	for (size_t i = count; i-- > 0;) {
		first[i].offset = offset;
		offset += w->totals[first[i].node].weight;
	}
}

static int visit_all(struct walk *w, profile_visit_fn *visit, void *arg)
{
	push_callees(w, ROOT, 0, 0);
	while (w->count > 0) {
		struct pending next = w->pending[--w->count];
		const struct node *node = &w->profile->nodes[next.node];
		const struct profile_frame frame = {
		        .name = node->name,
		        .depth = next.depth,
		        .offset = next.offset,
		        .weight = w->totals[next.node].weight,
		        .count = w->totals[next.node].count,
		        .self_weight = node->weight,
		        .self_count = node->count,
		        .other = w->totals[next.node].other,
		        .self_other = node->other,
		};
		int result = visit(&frame, arg);
		if (result < 0)
			return result;
		if (result == PROFILE_INTO)
			push_callees(w, next.node, next.depth + 1, next.offset);
	}
	return 0;
}

int profile__walk(const struct profile *p, profile_visit_fn *visit, void *arg)
{
	struct walk w = {.profile = p, .totals = sum_up(p)};
	w.pending = calloc(p->count, sizeof(*w.pending));
	int err = w.totals && w.pending ? visit_all(&w, visit, arg) : -ENOMEM;
	free(w.totals);
	free(w.pending);
	return err;
}
