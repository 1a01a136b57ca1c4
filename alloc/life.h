/* SPDX-License-Identifier: MIT */
/*
 * Floor 2: proof that a thread lives.
 *
 * Threads end in ways that nobody tells the allocator of: the destructor of its key does not run
 * for a thread that first allocates in the last round of destructors, nor for one that leaves by
 * the bare system call. Its slots, which lie in its TLS, may then be unmapped or be another
 * thread's. So whoever looks at what is another thread's in TLS needs to know that it lives.
 *
 * What was considered: that a destructor was registered (it may never be called), tgkill(tid, 0)
 * (the number may be another thread's by now), CLONE_CHILD_CLEARTID (the C library's). A robust
 * mutex that the thread holds as long as it has a cache is right under all ways of dying: the
 * kernel marks its word when the thread ends, whatever ended it, and does so before it tells
 * anybody else, so before the C library lets go of the thread's stack and TLS. A word that still is
 * what its owner made it therefore says that TLS is there, and was until now, if the kernel knows
 * of it: it does not when the thread has a list of its own (set_robust_list), when a filter has
 * refused the C library's, or when more mutexes are on it than the kernel looks at. So before
 * anything in TLS is touched the kernel is asked as well what the list of that thread is: the C
 * library's lies in TLS.
 *
 * Where the proof cannot be had (a thread that the C library does not know, an old one that is
 * linked without its threads) nothing is proved, and nothing of that thread's TLS is touched. A
 * child of vfork runs with the TLS of the thread that it is of, and is not that thread.
 */
#ifndef HAK_LIFE_H
#define HAK_LIFE_H

#include <pthread.h>

#include "base.h"

struct life {
	pthread_mutex_t mutex; /* robust, held by the thread */
	uintptr_t list;        /* where that thread's list of robust mutexes begins, while held */
	uint32_t held;         /* the mutex's word while it is held; 0: nothing is proved */
	uint32_t tid;          /* 0: no thread, or none that is known */
	uintptr_t here;        /* this_thread() of that thread */
};

enum life_state {
	LIFE_UNKNOWN, /* the thread may live, or not */
	LIFE_LASTS,   /* it lives, and has until now: what it has in TLS is there */
	LIFE_ENDED,
};

/*
 * The calling thread's, from now on until life_end(). No lock may be held: another library may have
 * put its own functions in the place of the C library's, and those may allocate.
 */
void life_begin(struct life *life);
void life_end(struct life *life);

/*
 * Of a thread that has ended, before another one takes its record: that one is found by others
 * before its life begins, and must not be taken for the dead one.
 */
void life_forget(struct life *life);

/* In a forked child, by the thread whose it is: it begins anew. */
void life_renew(struct life *life);

/* Of any thread, by any thread; neither calls a function of the C library. */
enum life_state life_state(const struct life *life);

/* The cheaper half of it: whether that is known. */
bool life_has_ended(const struct life *life);

#endif
