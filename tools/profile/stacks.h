/* SPDX-License-Identifier: MIT */
/*
 * Stacks, each kept once, with addresses, and columns of figures for those that samples end in.
 * They are a tree: a stack is named by its innermost frame, whose callers lead to the outermost.
 */
#ifndef HAK_STACKS_H
#define HAK_STACKS_H

#include <stddef.h>
#include <stdint.h>

/* What a flame graph shows; the columns. */
enum flame_kind {
	FLAME_ALLOC,     /* bytes allocated */
	FLAME_LIVE,      /* of these, not freed yet */
	FLAME_TEMPORARY, /* of these, freed soon */
	FLAME_CPU,       /* the allocator's CPU time */
	FLAME_KINDS,
};

enum { STACKS_ROOT = 0, STACKS_FAILED = UINT32_MAX };

struct stack_frame {
	const char *name; /* interned: equal names have one address */
	uint64_t ip;      /* in the instruction that called the next frame; 0: no address */
	uint32_t caller;  /* the stack of its caller; STACKS_ROOT for the outermost frame */
	uint32_t figures; /* internal */
};

struct stack_figure {
	double weight;    /* bytes or ns */
	double count;     /* operations that the samples stand for */
	uint64_t samples; /* taken */
};

struct stacks;

/* NULL and ENOMEM on failure. */
struct stacks *stacks__new(void);

/* Accepts NULL. */
void stacks__free(struct stacks *stacks);

/* The stack of `caller` and one frame more; STACKS_FAILED when out of memory. `name` is copied. */
uint32_t stacks__enter(struct stacks *stacks, uint32_t caller, const char *name, uint64_t ip);

/* Adds to a column of a stack. 0 or -ENOMEM. */
int stacks__add(struct stacks *stacks, uint32_t stack, enum flame_kind kind, double weight,
                double count);

/* Sets a whole column to zero. */
void stacks__clear(struct stacks *stacks, enum flame_kind kind);

/* Stacks are 1 … stacks__count() - 1. */
uint32_t stacks__count(const struct stacks *stacks);
const struct stack_frame *stacks__frame(const struct stacks *stacks, uint32_t stack);

/* FLAME_KINDS figures; NULL when nothing was ever added to that stack. */
const struct stack_figure *stacks__figures(const struct stacks *stacks, uint32_t stack);

struct stack_figure stacks__total(const struct stacks *stacks, enum flame_kind kind);

struct profile;

/* Adds a column to a profile, weights multiplied by `scale`. 0 or -ENOMEM. */
int stacks__fill(const struct stacks *stacks, enum flame_kind kind, double scale,
                 struct profile *profile);

#endif
