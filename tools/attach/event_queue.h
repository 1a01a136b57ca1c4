/* SPDX-License-Identifier: MIT */
/*
 * A bounded queue of events with the thread that handles them, so that whoever reads the kernel's
 * ring buffer never waits for a handler. What does not fit is dropped and counted.
 */
#ifndef HAK_EVENT_QUEUE_H
#define HAK_EVENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_queue;

/* Runs in the queue's thread; `data` is 8-aligned and valid during the call. 0, or -errno: the
 * queue then takes no more. */
typedef int (*event_handler)(void *context, const void *data, size_t size);

/* Keeps at most `bytes` of events. NULL and errno on failure. */
struct event_queue *event_queue__new(size_t bytes, event_handler handle, void *context);

/*
 * Accepts NULL. Ends the thread; events that are still waiting are given up. False when Ctrl-C or
 * kill wants us to end and the handler does not return: what it works on must be left to it.
 */
bool event_queue__free(struct event_queue *queue);

/* Copies an event in; from one thread. 0; 1 when it is
 * dropped; the handler's error if it had one. */
int event_queue__push(struct event_queue *queue, const void *data, size_t size);

/*
 * Waits until all events are handled. Until the next push the caller then has what the handler
 * works on for itself. The handler's error, or 0. When we are to end (Ctrl-C, kill) it waits for a
 * moment only: -EINTR some were left out, -ETIMEDOUT the handler does not return and the caller
 * must not touch what it works on.
 */
int event_queue__drain(struct event_queue *queue);

uint64_t event_queue__dropped(struct event_queue *queue);

#endif
