/* SPDX-License-Identifier: MIT */
/*
 * The attachment to hakmem:cold_begin and cold_end, in windows: two traps a cold visit are more
 * than a busy target should pay all the time.
 */
#ifndef HAK_ATTACH_LATENCY_H
#define HAK_ATTACH_LATENCY_H

#include <stdint.h>

#include "bpf/counters.h"
#include "bpf/stack.h"
#include "tools/profile/latency.h"
#include "tools/symbols/unwind.h"
#include "tools/target/target.h"

struct attach_latency;
struct attachments;
struct event_queue;

/*
 * One of the set, whose life is its own (tools/attach/attach.h). NULL: no memory. Attaching opens
 * the first window; attach_latency__tick() closes it and opens others.
 */
struct attach_latency *attach_latency__new(struct attachments *all, const struct target *target);

/* One visit that took the route, in the queue's thread; as an alloc_fn. */
typedef int (*route_fn)(void *context, const struct hak_sample_event *event);

/*
 * Before prepare: visits of mallocs that take `route` bring their stacks, some 64 at most in a
 * window. They are pushed to `queue`, which the attachment outlives; its handler calls
 * attach_latency__handle() with those whose kind is HAK_SAMPLE_ROUTE.
 */
void attach_latency__want_route(struct attach_latency *attach, enum hak_route route,
                                enum unwind_mode mode, struct event_queue *queue,
                                route_fn on_sample, void *context);

/* Before prepare: visits are not timed, which saves cold_begin's trap. */
void attach_latency__skip_times(struct attach_latency *attach);

/* The classes' sizes (HAK_CLASS_COUNT), and the one to take, -1 all. No stack comes before. */
void attach_latency__know_classes(struct attach_latency *attach, const uint64_t *sizes, int only);

/* Hands an event over, in the queue's thread. 0 or -errno. */
int attach_latency__handle(struct attach_latency *attach, const struct hak_sample_event *event);

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
