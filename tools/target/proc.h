/* SPDX-License-Identifier: MIT */
/* The few values hakprobe wants from /proc/PID. */
#ifndef HAK_PROC_H
#define HAK_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_stat {
	char state;
	uint64_t threads;
	uint64_t start_ticks; /* since boot */
	uint64_t rss;         /* bytes */
};

/* 0 or -errno. */
int proc__stat(struct proc_stat *stat, pid_t pid);

/* Resident memory by kind, bytes. 0 or -errno. */
struct proc_rss {
	uint64_t anonymous;
	uint64_t file;
	uint64_t shared;
};
int proc__rss(struct proc_rss *rss, pid_t pid);

/* The command line, blanks between the arguments; "[comm]" when it is empty. NULL: no memory, no
 * process. */
char *proc__command(pid_t pid);

/*
 * Whether the program runs under valgrind, which translates its code: a breakpoint is an
 * instruction like any other to it, and ends the process.
 */
bool proc__is_translated(pid_t pid);

/* Who owns the process: 0 or -errno. */
int proc__owner(pid_t pid, uid_t *owner);

#endif
