/* SPDX-License-Identifier: MIT */
/*
 * The attachment to hakmem:cold_begin and cold_end, in windows: two traps a cold visit are more
 * than a busy target should pay all the time.
 */
#ifndef HAK_ATTACH_LATENCY_H
#define HAK_ATTACH_LATENCY_H

#include <stdint.h>

#include "bpf/counters.h"
#include "tools/latency.h"
#include "tools/target.h"

struct attach_latency;

/*
 * Life: new, prepare, load, attach (tries it once and opens the first window), tick …, free.
 * Failures are told on stderr; 0 or -errno.
 */
struct attach_latency *attach_latency__new(const struct target *target);
int attach_latency__prepare(struct attach_latency *attach);
int attach_latency__load(struct attach_latency *attach);
int attach_latency__attach(struct attach_latency *attach);

/* Accepts NULL; detaches. */
void attach_latency__free(struct attach_latency *attach);

/*
 * The share (> 0 … 1) of time to be attached. Windows are of equal length, the gaps between them
 * random (exponential), so that they do not beat with the target's own rhythm: every instant is as
 * likely to be seen.
 */
void attach_latency__set_share(struct attach_latency *attach, double share);

/* Opens or closes a window when it is time; when to call again, CLOCK_MONOTONIC ns. 0 or -errno. */
int attach_latency__tick(struct attach_latency *attach);
uint64_t attach_latency__next_ns(const struct attach_latency *attach);

/* Histograms and time attached since the first window. */
int attach_latency__read(const struct attach_latency *attach, struct latency *latency);
uint64_t attach_latency__open_ns(const struct attach_latency *attach);

/* NULL gives zeros. */
struct hak_counters attach_latency__counters(const struct attach_latency *attach);

#endif
