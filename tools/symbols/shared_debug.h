/* SPDX-License-Identifier: MIT */
/* Debug information that several files share (dwz, .gnu_debugaltlink): opened here, so that libdw
 * does not open what a file names itself. */
#ifndef HAK_SHARED_DEBUG_H
#define HAK_SHARED_DEBUG_H

#include <elfutils/libdw.h>
#include <sys/types.h>

struct shared_debug;

/*
 * Joins to `dwarf`, which is of process `pid` (0: of none), the file that it shares with others,
 * when it names one; where that cannot be had, nothing is in its place. `*shared` is NULL or has to
 * outlive the use of `dwarf`. 0, or -1 when the names that are in that file cannot be kept out.
 */
int shared_debug__join(Dwarf *dwarf, pid_t pid, struct shared_debug **shared);

/* Accepts NULL. */
void shared_debug__free(struct shared_debug *shared);

#endif
