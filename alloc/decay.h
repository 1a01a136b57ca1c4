/* SPDX-License-Identifier: MIT */
/* Floor 7: when free memory goes back to the OS. There is no thread for it: cold visits look. */
#ifndef HAK_DECAY_H
#define HAK_DECAY_H

#include "base.h"

/* Nanoseconds between two looks: half of the purge time, so that what was free at one and still is
 * at the next has been free for half of it to all of it. */
uint64_t decay_period_ns(void);

/* Trims the depot and purges arenas when a period has passed since that was done last. */
void decay_when_due(uint64_t now_ns);

/*
 * How often the heap has grown by a sixteenth: each time, before it grows further, stock that
 * nobody uses should be given up. The depot's is when the growth is noted; each thread sees to its
 * own when it finds the number changed.
 */
uint32_t decay_growths(void);
void decay_note_growth(void);

/* Does it now, for everything that is free. 1 when memory went back, else 0. */
int decay_now(void);

/* Gives back what address space can be had, now: wholly free arenas and huge blocks. */
void decay_unmap_all(void);

#endif
