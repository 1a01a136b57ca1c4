/* SPDX-License-Identifier: MIT */
/* Ctrl-C and kill, each in a process of its own that takes them over. */
#include "tests/harness.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/attach/event_queue.h"
#include "tools/base/clock.h"
#include "tools/base/interrupt.h"

/* The status of a child that does `what` once SIGTERM has come. */
static int in_child(int (*what)(void))
{
	int status = -1;
	pid_t child = fork();

	if (!child) {
		struct pollfd asked;

		close(STDERR_FILENO);
		if (interrupt__begin() || interrupt__asked())
			_exit(100);
		asked = (struct pollfd){interrupt__fd(), POLLIN, 0};
		kill(getpid(), SIGTERM);
		if (poll(&asked, 1, 10000) != 1 || !interrupt__asked() ||
		    interrupt__signal() != SIGTERM)
			_exit(101);
		_exit(what());
	}
	CHECK(waitpid(child, &status, 0) == child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int is_done(void)
{
	return 7;
}

static int goes_on_for_ever(void)
{
	for (;;)
		;
	return 0;
}

static int waits_for_ever(void)
{
	interrupt__at_own();
	for (;;)
		pause();
	return 0;
}

static int works_for_two_seconds(void)
{
	const uint64_t end = clock__mono_ns() + 2000000000;

	interrupt__at_own();
	while (clock__mono_ns() < end)
		;
	return 8;
}

static int waits_at_rest(void)
{
	interrupt__at_rest();
	usleep(1500 * 1000);
	return 9;
}

static int is_asked_again(void)
{
	interrupt__at_rest();
	kill(getpid(), SIGINT);
	usleep(10000 * 1000);
	return 0;
}

TEST(interrupt_ends_what_does_not_end)
{
	CHECK(in_child(is_done) == 7);
	CHECK(in_child(goes_on_for_ever) == 1);
	CHECK(in_child(waits_for_ever) == 1);
	CHECK(in_child(is_asked_again) == 1);
}

TEST(interrupt_leaves_what_gets_on)
{
	CHECK(in_child(works_for_two_seconds) == 8);
	CHECK(in_child(waits_at_rest) == 9);
}

static int never_returns(void *context, const void *data, size_t size)
{
	(void)context, (void)data, (void)size;
	for (;;)
		pause();
	return 0;
}

static int drains_what_never_returns(void)
{
	struct event_queue *q = event_queue__new(4096, never_returns, NULL);

	if (!q || event_queue__push(q, "event", 6))
		return 102;
	usleep(100 * 1000);
	if (event_queue__drain(q) != -ETIMEDOUT)
		return 103;
	return event_queue__free(q) ? 104 : 10;
}

static int is_slow(void *context, const void *data, size_t size)
{
	(void)context, (void)data, (void)size;
	return usleep(50 * 1000);
}

static int drains_what_is_slow(void)
{
	struct event_queue *q = event_queue__new(1 << 16, is_slow, NULL);

	for (int i = 0; i < 1000; i++) {
		if (!q || event_queue__push(q, "event", 6))
			return 102;
	}
	if (event_queue__drain(q) != -EINTR)
		return 103;
	return event_queue__free(q) ? 11 : 104;
}

TEST(interrupt_ends_the_wait_for_a_queue)
{
	CHECK(in_child(drains_what_never_returns) == 10);
	CHECK(in_child(drains_what_is_slow) == 11);
}
