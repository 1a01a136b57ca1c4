/* SPDX-License-Identifier: MIT */
/*
 * Floor 7: threads that have ended unseen. Their records would stay on the list of live threads for
 * ever, and their stock with them.
 *
 * A thread ends unseen when no destructor of ours ran: its first operation was in the last round of
 * destructors or later, it left by the bare system call, or, in a forked child, it is one of those
 * that did not come along. life.h tells that it ended. What it had in stock is then in magazines
 * that nobody changes, but how much of the loaded ones the slots knew, which lay in its TLS. They
 * may be there still. They are copied by the kernel, and believed where they point into the
 * magazine that the thread is known to have had: nothing but that thread ever wrote that there, and
 * a stack that was used for something else since does not hold it. Otherwise the blocks of the
 * loaded magazine are lost: which of them are out cannot be known.
 */
#ifndef HAK_REAP_H
#define HAK_REAP_H

#include "thread.h"

/*
 * Takes threads that have ended unseen off the list, their counts to those of exited threads, and
 * their stock back to the spans. Returns their caches, empty, in a list by `next_free`. No lock
 * held, no visit open.
 */
struct thread *reap(void);

/* In a forked child, the registry unlocked: all threads but
 * `self` are gone; reap() sees to them. */
void reap_after_fork(const struct thread *self);

#endif
