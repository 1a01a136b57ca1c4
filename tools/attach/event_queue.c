/* SPDX-License-Identifier: MIT */
/*
 * A ring of bytes. Each event is in one piece, behind its size; where it would not fit before the
 * end of the ring, a size of 0 sends the reader back to the start. The event being handled stays in
 * the ring until the handler is done with it.
 */
#include "tools/attach/event_queue.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/base/clock.h"
#include "tools/base/interrupt.h"
#include "tools/base/privileges.h"

enum { LOOK_NS = 20000000, HEAD = 8 }; /* bytes of an event's size; keeps the events aligned */

struct event_queue {
	event_handler handle;
	void *context;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned char *ring;
	size_t room;
	size_t first; /* offset of the oldest event */
	size_t used;  /* bytes from there on, around the end */
	uint64_t dropped;
	int err; /* of the handler */
	bool ends;
	bool handles;  /* at this moment */
	bool is_stuck; /* it was given up */
};

static uint64_t size_at(const struct event_queue *q, size_t offset)
{
	uint64_t size;

	memcpy(&size, q->ring + offset, sizeof(size));
	return size;
}

static size_t padded(size_t size)
{
	return HEAD + ((size + 7) & ~(size_t)7);
}

static void consume(struct event_queue *q, size_t bytes)
{
	q->first = (q->first + bytes) % q->room;
	q->used -= bytes;
}

static void *run(void *context)
{
	struct event_queue *q = context;

	/* It reads what others have written, and nothing else. */
	(void)privileges__keep(PRIVILEGES_READ);
	pthread_mutex_lock(&q->lock);
	while (!q->ends) {
		if (!q->used || q->err) {
			pthread_cond_wait(&q->changed, &q->lock);
			continue;
		}
		size_t size = size_at(q, q->first);

		if (!size) {
			consume(q, q->room - q->first);
			continue;
		}
		q->handles = true;
		pthread_mutex_unlock(&q->lock);
		int err = q->handle(q->context, q->ring + q->first + HEAD, size);

		pthread_mutex_lock(&q->lock);
		q->handles = false;
		consume(q, padded(size));
		q->err = err < 0 ? err : 0;
		pthread_cond_broadcast(&q->changed);
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

struct event_queue *event_queue__new(size_t bytes, event_handler handle, void *context)
{
	struct event_queue *q = calloc(1, sizeof(*q));
	sigset_t all, before;
	int err;

	if (!q)
		return NULL;
	q->handle = handle;
	q->context = context;
	q->room = bytes & ~(size_t)7;
	q->ring = malloc(q->room);
	if (!q->ring) {
		free(q);
		return NULL;
	}
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->changed, NULL);
	/* Signals are the main thread's, which may not yet have blocked those it reads as data. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&q->thread, NULL, run, q);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err) {
		free(q->ring);
		free(q);
		errno = err;
		return NULL;
	}
	return q;
}

/* Waits for a change, at most as long as nobody wants to end. The time may be over at once. */
static void wait_a_little(struct event_queue *q)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += LOOK_NS;
	end.tv_sec += end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	pthread_cond_clockwait(&q->changed, &q->lock, CLOCK_MONOTONIC, &end);
}

/* Whether patience is at an end, that begins at the first question once we are to end ourselves. */
static bool is_over(uint64_t *end)
{
	if (!interrupt__asked())
		return false;
	if (!*end)
		*end = clock__mono_ns() + interrupt__patience_ns();
	return clock__mono_ns() >= *end;
}

/* Has the thread stop behind the event that it is at. Whether it does so in time. */
static bool stop(struct event_queue *q)
{
	uint64_t end = 0;

	q->ends = true;
	pthread_cond_broadcast(&q->changed);
	while (q->handles && !q->is_stuck) {
		wait_a_little(q);
		q->is_stuck = q->handles && is_over(&end);
	}
	return !q->is_stuck;
}

bool event_queue__free(struct event_queue *q)
{
	bool stopped;

	if (!q)
		return true;
	pthread_mutex_lock(&q->lock);
	stopped = stop(q);
	pthread_mutex_unlock(&q->lock);
	if (!stopped) {
		pthread_detach(q->thread);
		return false;
	}
	pthread_join(q->thread, NULL);
	pthread_cond_destroy(&q->changed);
	pthread_mutex_destroy(&q->lock);
	free(q->ring);
	free(q);
	return true;
}

/* Where an event of `need` bytes can stand; `room` when it finds none. */
static size_t find_room(struct event_queue *q, size_t need)
{
	size_t last = q->first + q->used;

	if (!q->used)
		q->first = last = 0;
	if (last >= q->room) { /* in use around the end: one hole */
		last -= q->room;
		return q->first - last >= need ? last : q->room;
	}
	if (q->room - last >= need)
		return last;
	if (q->first < need)
		return q->room;
	memset(q->ring + last, 0, HEAD); /* there are 8 bytes, as all is 8-aligned */
	q->used += q->room - last;
	return 0;
}

int event_queue__push(struct event_queue *q, const void *data, size_t size)
{
	size_t need = padded(size), at;
	uint64_t head = size;
	int result;

	pthread_mutex_lock(&q->lock);
	result = q->err;
	at = need <= q->room && size && !result ? find_room(q, need) : q->room;
	if (at == q->room) {
		q->dropped += !result;
		result = result ? result : 1;
	} else {
		memcpy(q->ring + at, &head, sizeof(head));
		memcpy(q->ring + at + HEAD, data, size);
		q->used += need;
		pthread_cond_broadcast(&q->changed);
	}
	pthread_mutex_unlock(&q->lock);
	return result;
}

int event_queue__drain(struct event_queue *q)
{
	uint64_t end = 0;
	int err = 0;

	pthread_mutex_lock(&q->lock);
	while (q->used && !q->err && !q->ends) {
		wait_a_little(q);
		if (is_over(&end))
			err = stop(q) ? -EINTR : -ETIMEDOUT;
	}
	if (q->is_stuck)
		err = -ETIMEDOUT;
	err = err ? err : q->err;
	pthread_mutex_unlock(&q->lock);
	return err;
}

uint64_t event_queue__dropped(struct event_queue *q)
{
	uint64_t dropped;

	pthread_mutex_lock(&q->lock);
	dropped = q->dropped;
	pthread_mutex_unlock(&q->lock);
	return dropped;
}
