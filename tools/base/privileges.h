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

#endif
