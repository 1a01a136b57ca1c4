/* SPDX-License-Identifier: MIT */
/*
 * The attachment to otel_memory:alloc and :free: sampled allocations with raw stacks, and their
 * frees when asked for, for as long as it is attached. They go through a queue, whose thread hands
 * them over, so that unwinding holds up nobody.
 */
#ifndef HAK_ATTACH_ALLOC_H
#define HAK_ATTACH_ALLOC_H

#include <stdbool.h>

#include "bpf/counters.h"
#include "bpf/stack.h"
#include "tools/symbols/unwind.h"
#include "tools/target/target.h"

/*
 * One sampled allocation, in the queue's thread; only `stack.bytes` bytes of the slice are there;
 * or the free of one, which ends before the stack. 0; or how many bytes the slice should have had
 * (> 0), where unwinding ran out of it: it is then longer from there on; or -errno to stop.
 */
typedef int (*alloc_fn)(void *context, const struct hak_sample_event *event);

struct attach_alloc;
struct attachments;
struct event_queue;

/*
 * One of the set, whose life is its own (tools/attach/attach.h). NULL: no memory. Events are pushed to `queue`, which the attachment outlives; its handler calls
 * attach_alloc__handle() with those whose kind is HAK_SAMPLE_ALLOC or HAK_SAMPLE_FREE.
 */
struct attach_alloc *attach_alloc__new(struct attachments *all, const struct target *target,
                                       enum unwind_mode mode, struct event_queue *queue,
                                       alloc_fn on_sample, void *context);

/* Before prepare: frees are wanted, too. */
void attach_alloc__want_frees(struct attach_alloc *attach);

/* Leaves allocations out that `is_wanted` does not want, in the thread that consumes. */
typedef bool (*alloc_filter_fn)(const void *context, const struct hak_sample_event *event);
void attach_alloc__set_filter(struct attach_alloc *attach, alloc_filter_fn is_wanted,
                              const void *context);

/* Hands an event over, in the queue's thread. 0 or -errno. */
int attach_alloc__handle(struct attach_alloc *attach, const struct hak_sample_event *event);

/*
 * Keeps this share (> 0 … 1) of the samples, at random; the weights of those that are kept grow by
 * as much, so sums stay unbiased. How many were left out so far; NULL gives 0.
 */
void attach_alloc__set_keep(struct attach_alloc *attach, double share);
uint64_t attach_alloc__thinned(const struct attach_alloc *attach);

/* Lost ones include those that came faster than they could be unwound. NULL gives zeros. */
struct hak_counters attach_alloc__counters(const struct attach_alloc *attach);

#endif
