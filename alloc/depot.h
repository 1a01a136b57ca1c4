/* SPDX-License-Identifier: MIT */
/*
 * Floor 6: the depot (Bonwick & Adams, "Magazines and Vmem", USENIX 2001): per class a stack of
 * magazines with blocks and one of empty magazines. Exchanges are O(1) and touch no block.
 *
 * Magazines that a class has not needed for a whole purge period (its working set) are drained to
 * their spans by depot_trim().
 */
#ifndef HAK_DEPOT_H
#define HAK_DEPOT_H

#include "magazine.h"

/*
 * `limit_bytes`: what the depot may hold per class; magazines beyond it are drained at once, and so
 * are those beyond a share of the heap for all classes together. 0 drains every magazine (and
 * thereby checks every block).
 */
void depot_init(size_t limit_bytes);

/*
 * Tells whether threads have lately run empty more often than there are magazines here. Blocks of a
 * size that is only freed should not wait here: they pin spans that another class could have.
 */
bool depot_wants(unsigned class);

/* Takes a magazine with blocks; NULL when there is none. */
struct magazine *depot_take(unsigned class);

/* Gives a magazine; one without blocks goes to the empty
 * ones, so that depot_take never yields one. */
void depot_give(unsigned class, struct magazine *magazine);

/* Takes an empty magazine of that capacity or gives one back. NULL when there is no memory. */
struct magazine *depot_take_empty(unsigned class, uint32_t capacity);
void depot_give_empty(unsigned class, struct magazine *magazine);

/* Gives a magazine back, its blocks to their spans; aborts on misuse. */
void depot_drain(unsigned class, struct magazine *magazine);

/* Blocks of the class that wait here; and drains all of them. */
uint64_t depot_blocks(unsigned class);
void depot_drain_class(unsigned class);

/* Drains what was not needed since the last trim; with `all`, everything. */
void depot_trim(bool all);

void depot_lock_all(void); /* for fork */
void depot_unlock_all(void);

/*
 * For checks: whether the depot of a class is in order (no other thread runs), and its magazines
 * one by one.
 */
bool depot_is_valid(unsigned class);
void depot_each(unsigned class, void (*visit)(struct magazine *magazine, void *about), void *about);

#endif
