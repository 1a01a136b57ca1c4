/* SPDX-License-Identifier: MIT */
/*
 * What attachments share whose events bring stacks: from the ring to the queue, whose thread
 * unwinds, and back from there to how much of a stack is copied.
 */
#ifndef HAK_FEED_H
#define HAK_FEED_H

#include "bpf/counters.h"
#include "tools/attach/event_queue.h"
#include "tools/attach/slices.h"

struct bpf_map;

struct feed {
	struct event_queue *queue; /* NULL: no stacks are wanted */
	uint64_t dropped;          /* by the queue */
	struct slices slices;
};

/* Before the first event: the program's map of threads, and its hak_pages. */
void feed__begin(struct feed *feed, const struct bpf_map *deep, hak_u32 *pages);

/* In the thread that consumes. 0, also when it was dropped; or -errno of the handler. */
int feed__push(struct feed *feed, const void *event, size_t size);

/*
 * In the queue's thread: what the handler of an event has said, 0, -errno, or how many bytes of
 * stack it should have had. 0 or -errno.
 */
int feed__answer(struct feed *feed, hak_u32 tid, const struct hak_stack *stack, int said);

/* What the program has counted, and as lost what was dropped here. */
struct hak_counters feed__counters(const struct feed *feed, const struct hak_counters *counters);

#endif
