/* SPDX-License-Identifier: MIT */
/* The queue between ring and unwinder: order, losses, errors; slices that grow. */
#include <errno.h>
#include <semaphore.h>
#include <string.h>

#include "tests/harness.h"
#include "tools/attach/event_queue.h"
#include "tools/attach/slices.h"

struct seen {
	sem_t go; /* the handler waits for it, when `waits` */
	bool waits;
	uint64_t next; /* number that the next event must carry, unless one was dropped */
	uint64_t count, wrong;
	int err;
};

static int handle(void *context, const void *data, size_t size)
{
	struct seen *seen = context;
	const uint64_t *words = data;

	if (seen->waits)
		sem_wait(&seen->go);
	if (size < 8 || (uintptr_t)data % 8 || words[0] < seen->next)
		seen->wrong++;
	for (size_t i = 8; i < size; i++)
		seen->wrong += ((const unsigned char *)data)[i] != (words[0] & 0xff);
	seen->next = words[0] + 1;
	seen->count++;
	return seen->err;
}

static int push(struct event_queue *queue, uint64_t number, size_t size)
{
	uint64_t event[64];

	memset(event, (int)(number & 0xff), sizeof(event));
	event[0] = number;
	return event_queue__push(queue, event, size);
}

TEST(queue_keeps_order_and_contents)
{
	struct seen seen = {.next = 0};
	struct event_queue *queue = event_queue__new(1024, handle, &seen);

	REQUIRE(queue != NULL);
	for (uint64_t i = 0; i < 20000; i++) {
		CHECK(push(queue, i, 8 + i * 7 % 400) >= 0);
		if (i % 3 == 0)
			CHECK(event_queue__drain(queue) == 0);
	}
	CHECK(event_queue__drain(queue) == 0);
	CHECK(seen.wrong == 0);
	CHECK(seen.count + event_queue__dropped(queue) == 20000);
	CHECK(seen.count > 6000);
	event_queue__free(queue);
}

TEST(queue_drops_and_counts_what_does_not_fit)
{
	struct seen seen = {.waits = true};
	struct event_queue *queue = event_queue__new(1024, handle, &seen);

	REQUIRE(queue != NULL);
	sem_init(&seen.go, 0, 0);
	for (uint64_t i = 0; i < 100; i++)
		CHECK(push(queue, i, 120) == (i >= 8)); /* 128 with its size: eight fit */
	CHECK(event_queue__dropped(queue) == 92);
	CHECK(push(queue, 100, 2000) == 1); /* never fits */
	CHECK(event_queue__dropped(queue) == 93);
	for (int i = 0; i < 9; i++)
		sem_post(&seen.go);
	CHECK(event_queue__drain(queue) == 0);
	CHECK(seen.count == 8);
	CHECK(push(queue, 101, 120) == 0);
	CHECK(event_queue__drain(queue) == 0);
	CHECK(seen.count == 9 && seen.wrong == 0);
	event_queue__free(queue);
	sem_destroy(&seen.go);
}

TEST(queue_tells_the_handlers_error)
{
	struct seen seen = {.err = -ENOMEM};
	struct event_queue *queue = event_queue__new(1024, handle, &seen);

	REQUIRE(queue != NULL);
	CHECK(push(queue, 1, 16) == 0);
	CHECK(event_queue__drain(queue) == -ENOMEM);
	CHECK(push(queue, 2, 16) == -ENOMEM);
	CHECK(seen.count == 1);
	event_queue__free(queue);
	event_queue__free(NULL);
}

TEST(slice_grows_where_it_was_too_short)
{
	/* Two pages from the middle of one on, and the next frame just behind them. */
	CHECK(slices__pages(2, 0x7000800, 0x1800, 0x1808) == 4);
	CHECK(slices__pages(2, 0x7000800, 0x1800, 0x9000) == 10);
	CHECK(slices__pages(12, 0x7000800, 0xb800, 0xb808) == 16);
	CHECK(slices__pages(16, 0x7000800, 0xf800, 0xf808) == 16);
	/* It ended with the stack, or before the limit was raised. */
	CHECK(slices__pages(4, 0x7000800, 0x1800, 0x1808) == 4);
}
