/* SPDX-License-Identifier: MIT */
/*
 * Ctrl-C and kill. They come as data, so that every way out prints its summary and writes its
 * files; but what hakprobe reads and waits for belongs to others, who may see to it that it never
 * comes. So long work asks whether it is to end, and a thread of its own ends the process where
 * that does not help: within a second, wherever it is.
 */
#ifndef HAK_INTERRUPT_H
#define HAK_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

/* Takes SIGINT and SIGTERM over, for the calling thread as the one that must go on. 0 or -errno. */
int interrupt__begin(void);

/* Readable once one of them has come. */
int interrupt__fd(void);

bool interrupt__asked(void);

/* The signal, when it was sent to us alone; 0 none, or it came from the terminal. */
int interrupt__signal(void);

/* How long to wait yet for what others keep us waiting for, in ns; UINT64_MAX before it is asked.
 */
uint64_t interrupt__patience_ns(void);

/*
 * What the thread is at: something of others', which gets less than a second from then on; or
 * something of our own, which takes as long as it takes, unless it waits (a full pipe). Each call
 * begins anew.
 */
void interrupt__at_others(void);
void interrupt__at_own(void);

/* All is written: what it waits for now (a program of its own) may take its time. */
void interrupt__at_rest(void);

#endif
