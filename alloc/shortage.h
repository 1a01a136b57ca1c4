/* SPDX-License-Identifier: MIT */
/*
 * Floor 9: what to do when the kernel refuses memory. All that is kept is given back: the calling
 * thread's stock, the depot, that of other threads, empty spans, wholly free arenas, freed huge
 * blocks. Then the request is tried again, once.
 *
 * A program that looks for its limit, or lives at it, fails often. So nothing is done where nothing
 * was allocated or freed, by any thread, since all was given back the last time; and a thread that
 * has nothing is not asked, which takes system calls.
 */
#ifndef HAK_SHORTAGE_H
#define HAK_SHORTAGE_H

#include "thread.h"

/*
 * Gives back what can be had. False: there was nothing new, and the request need not be tried
 * again. `thread`: the caller's, which is in no visit and holds no lock; NULL: it has none.
 */
bool shortage_relieve(struct thread *thread);

/*
 * A block of at least `n` bytes, of class `class`, where there is no memory for spans at all: the
 * window is full, or the address space. glibc's allocator may still have some. NULL: it has not.
 */
void *shortage_malloc(size_t n, unsigned class);

#endif
