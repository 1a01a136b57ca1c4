/* SPDX-License-Identifier: MIT */
/* Floor 9: the first cold visit of the process, fork, and the end of threads. */
#ifndef HAK_INIT_H
#define HAK_INIT_H

#include "tally.h"
#include "tcache.h"

/* The mode in force; HAK_MODE_UNINITIALISED until the first cold visit. */
static inline enum hak_mode init_mode(void)
{
	return (enum hak_mode)__atomic_load_n(&tally_process.mode, __ATOMIC_ACQUIRE);
}

/* Reads options and prepares every module, once; returns the mode. */
enum hak_mode init_process(void);

/* Registers our fork handlers, once: before anybody else registers any. */
void init_fork_handlers(void);

/*
 * The calling thread's cache, made if need be. NULL when the mode has none, the thread has exited
 * or there is no memory.
 */
struct thread *init_thread(void);

#endif
