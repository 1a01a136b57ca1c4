/* SPDX-License-Identifier: MIT */
/*
 * Floor 3: where in the window arenas find a place. Others map things there too, at the start or
 * at any time, from a page to hundreds of gigabytes, and may take them away again. So the search
 * goes on from where it found a place last, upwards and downwards, in steps that double while it
 * finds nothing: any obstacle is passed in some twenty tries. Where that leads nowhere it starts
 * anew at random, and at last reads where the kernel says there are gaps. When there are none, it
 * is not looked again for a while: a full window must not make each malloc slow.
 */
#ifndef HAK_WINDOW_H
#define HAK_WINDOW_H

#include "base.h"

/* Prepares the random start. Called once, before the first arena. */
void window_init(uint64_t random);

/*
 * Maps `bytes`, from `skip` on, of a place for an arena that nothing else is mapped in; tells its
 * index. -EEXIST: the window is full; else why the kernel refused.
 */
int window_take(size_t skip, size_t bytes, uint32_t *index);

void window_lock(void); /* for fork */
void window_unlock(void);

#endif
