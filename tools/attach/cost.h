/* SPDX-License-Identifier: MIT */
/* The attachment to perf_event: samples the instruction pointers of the target's threads. */
#ifndef HAK_ATTACH_COST_H
#define HAK_ATTACH_COST_H

#include <stdbool.h>

#include "bpf/counters.h"
#include "tools/profile/cost.h"
#include "tools/symbols/unwind.h"
#include "tools/target/target.h"

struct attach_cost;
struct attachments;
struct event_queue;

/*
 * One of the set, whose life is its own (tools/attach/attach.h). NULL: no memory. `hz` is how often
 * per second and CPU it samples (> 0).
 */
struct attach_cost *attach_cost__new(struct attachments *all, const struct target *target,
                                     unsigned hz);

/* One sample inside or below the allocator, in the queue's thread; only `stack.bytes` bytes of the
 * slice are there. As an alloc_fn. */
typedef int (*cpu_fn)(void *context, const struct hak_cpu_event *event);

/*
 * Before prepare: samples of the allocator bring their stacks. They are pushed to `queue`, which
 * the attachment outlives; its handler calls attach_cost__handle() with those whose kind is
 * HAK_SAMPLE_CPU.
 */
void attach_cost__want_stacks(struct attach_cost *attach, enum unwind_mode mode,
                              struct event_queue *queue, cpu_fn on_sample, void *context);

/* Hands an event over, in the queue's thread. 0 or -errno. */
int attach_cost__handle(struct attach_cost *attach, const struct hak_cpu_event *event);

/* Moves what was counted since the last time into `cost`. */
int attach_cost__drain(struct attach_cost *attach, struct cost *cost);

/*
 * Samples `hz` times a second and CPU (> 0) from now on; each sample carries the period it stands
 * for, so shares stay right across a change. 0 or -errno.
 */
int attach_cost__set_hz(struct attach_cost *attach, unsigned hz);
unsigned attach_cost__hz(const struct attach_cost *attach);

/* What is sampled, "cycles" or "cpu-clock", and on how many CPUs. */
const char *attach_cost__event(const struct attach_cost *attach);
int attach_cost__cpus(const struct attach_cost *attach);

/* Lost ones include stacks that came faster than they could be unwound. NULL gives zeros. */
struct hak_counters attach_cost__counters(const struct attach_cost *attach);

#endif
