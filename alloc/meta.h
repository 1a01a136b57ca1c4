/* SPDX-License-Identifier: MIT */
/*
 * Floor 4: memory for the allocator's own structures: magazines and thread records. Blocks are
 * powers of two from 128 bytes; freed ones are kept for reuse, never returned to the OS.
 */
#ifndef HAK_META_H
#define HAK_META_H

#include "base.h"

/* Zeroed, aligned to 64 (or to its size if smaller). NULL when the OS has no memory. */
void *meta_take(size_t bytes);

/* Gives back what meta_take(bytes) returned. */
void meta_give(void *p, size_t bytes);

void meta_lock(void); /* for fork */
void meta_unlock(void);

/* For checks, while no other thread runs: whether all is in order, and how many bytes are taken. */
bool meta_is_valid(void);
size_t meta_taken_bytes(void);

#endif
