/* SPDX-License-Identifier: MIT */
/* The kernel's clocks as one number: nanoseconds. */
#ifndef HAK_CLOCK_H
#define HAK_CLOCK_H

#include <stdint.h>
#include <time.h>

/* 0 when `clock` cannot be read (that of a process that has ended). */
uint64_t clock__ns(clockid_t clock);

/* CLOCK_MONOTONIC, which is bpf_ktime_get_ns() as well: of events, intervals, deadlines. */
uint64_t clock__mono_ns(void);

/* Since 1970. */
uint64_t clock__real_ns(void);

#endif
