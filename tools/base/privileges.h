/* SPDX-License-Identifier: MIT */
/* The capabilities that hakprobe wants, and which of them it lacks. */
#ifndef HAK_PRIVILEGES_H
#define HAK_PRIVILEGES_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Newer than some headers. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

/* Effective capabilities of this process, one bit each; 0 when they cannot be read. */
uint64_t privileges__effective(void);

/*
 * Names of what is missing in `effective` to load and attach BPF programs ("CAP_BPF, CAP_PERFMON"),
 * "" when nothing is. CAP_SYS_ADMIN stands for both.
 */
const char *privileges__missing(uint64_t effective, char *names, size_t size);

bool privileges__is_admin(uint64_t effective);  /* CAP_SYS_ADMIN */
bool privileges__may_trace(uint64_t effective); /* CAP_SYS_PTRACE */

/* What hakprobe goes on to do; what none of it needs is dropped. */
enum {
	PRIVILEGES_READ = 1,        /* processes of others, and their files */
	PRIVILEGES_ATTACH = 2,      /* BPF programs */
	PRIVILEGES_ATTACH_PERF = 4, /* the same where uprobes need CAP_SYS_ADMIN */
	PRIVILEGES_WRITE = 8,       /* files into anybody's directories */
	PRIVILEGES_SIGNAL = 16, /* a program that we run and that may have become another user */
};

/* The capabilities that `uses` need, one bit each. */
uint64_t privileges__needed(unsigned uses);

/*
 * Drops all capabilities but these for good, and what an exec could bring: for the calling thread,
 * and those that it starts from then on. Those that are not there stay so. 0 or -errno.
 */
int privileges__keep(unsigned uses);

#endif
