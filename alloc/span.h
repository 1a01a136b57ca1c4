/* SPDX-License-Identifier: MIT */
/*
 * Floor 5: spans of size classes, from which magazines are filled and into which they are drained.
 * One lock per class. Here, and nowhere else, every block is looked at: it must be on a block
 * boundary of a live span of its class, and must not be held by the span already.
 */
#ifndef HAK_SPAN_H
#define HAK_SPAN_H

#include "base.h"

/*
 * Takes up to `want` blocks of the class, in an order such that the last cell has the lowest
 * address (magazines are popped from there). Returns how many, 0 only when there is no memory.
 * `*fresh` is increased by the number of blocks that were never handed out before.
 */
size_t span_fill(unsigned class, void **cells, size_t want, size_t *fresh);

/* Gives `n` blocks of the class back. Aborts the process on misuse. */
void span_drain(unsigned class, void *const *cells, size_t n);

/* Aborts, saying what is wrong with `p`, which is no block of the class that is in use. */
_Noreturn void span_report(unsigned class, const void *p);

/* Whether `p`, of which the address map says that class, is where a block begins that was handed
 * out once and that its span does not hold. */
bool span_may_be_out(unsigned class, const void *p);

/* Gives up the span that is kept although all its blocks are free; and all such spans. */
void span_trim(unsigned class);
void span_trim_all(void);

/*
 * Gives pages back to the OS on which no block is out, of spans that no block has come to or gone
 * from since the call before the last; with `all`, of every span.
 */
void span_purge(bool all);

/* A block that lies in a span of class 0 in the address map, so that its free is seen. NULL: no
 * memory. */
void *span_take_sampled(unsigned class);

/* Whether spans for sampled blocks have one of that class. */
bool span_has_sampled(unsigned class);

/* Gives such a block back; `span` is what arena_span_of() found for it. Aborts on misuse. */
struct span;
void span_give_sampled(struct span *span, void *p);

void span_lock_all(void); /* for fork */
void span_unlock_all(void);

/*
 * For checks, while no other thread runs. Whether a span is in order; whether the bins of a class
 * are, `*listed` then tells how many spans they list or keep aside; whether a span holds its block
 * `i`, freed or never carved.
 */
bool span_is_valid(const struct span *span);
bool span_bins_are_valid(unsigned class, size_t *listed);
bool span_holds(const struct span *span, unsigned i);

#endif
