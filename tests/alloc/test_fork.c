/* SPDX-License-Identifier: MIT */
/*
 * A thread that is in one of the allocator's locks nearly all the time, forks meanwhile, and
 * children that take that lock: one that fork_prepare forgets is held for ever in some of them.
 */
#include "alloc/alloc.h"
#include "alloc/arena.h"
#include "alloc/depot.h"
#include "alloc/guard.h"
#include "alloc/large.h"
#include "alloc/magazine.h"
#include "alloc/meta.h"
#include "alloc/span.h"
#include "alloc/tally.h"
#include "tests/alloc/support.h"
#include "tests/harness.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FORKS = 60, CLASS = 40, HUNG_AFTER_S = 20 };

static bool stop;

static void use_depot(void)
{
	struct magazine *magazine = depot_take_empty(CLASS, 14);
	if (magazine)
		depot_give_empty(CLASS, magazine);
}

static void use_spans(void)
{
	void *p;
	size_t fresh;
	if (span_fill(CLASS, &p, 1, &fresh))
		span_drain(CLASS, &p, 1);
}

static void use_sampled_spans(void)
{
	void *p = span_take_sampled(CLASS);
	if (p)
		span_give_sampled(arena_span_of(p), p);
}

static void use_registry(void)
{
	tally_orphan(CLASS, HAK_ROUTE_CHECKED, 0, 0, 0, 0);
}

static void use_guard(void)
{
	struct guard_figures figures;
	guard_read(&figures);
}

static void *huge;

static void use_huge(void)
{
	struct large block;
	large_find(huge, &block);
}

static void use_arena(void)
{
	alloc_free(alloc_malloc(MEDIUM_MAX + 1));
}

static void use_metadata(void)
{
	void *p = meta_take(256);
	if (p)
		meta_give(p, 256);
}

static void *keep_using(void *use)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		((void (*)(void))use)();
	return NULL;
}

static void child(void (*use)(void))
{
	alarm(HUNG_AFTER_S);
	use();
	_exit(0);
}

/* How many children did not come through. */
static unsigned fork_while(void (*use)(void))
{
	unsigned bad = 0;
	pthread_t thread;
	stop = false;
	if (pthread_create(&thread, NULL, keep_using, (void *)use))
		return 1;
	for (int i = 0; i < FORKS && !bad; i++) {
		int status = -1;
		pid_t pid = fork();
		if (pid == 0)
			child(use);
		if (pid > 0)
			waitpid(pid, &status, 0);
		bad += status != 0;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	return bad;
}

/* In a process of its own: it counts, and gives the thread a cache, which tests of the guard must
 * not find. */
static void fork_in_each(void *unused)
{
	static void (*const uses[])(void) = {
	        use_depot, use_spans, use_sampled_spans, use_registry,
	        use_guard, use_huge,  use_arena,         use_metadata,
	};
	(void)unused;
	huge = alloc_malloc(LARGE_MAX + 1);
	for (unsigned i = 0; i < sizeof(uses) / sizeof(*uses); i++)
		if (fork_while(uses[i]))
			_exit(1);
}

TEST(fork_waits_for_each_lock)
{
	char text[200];
	support_init();
	CHECK(support_in_child(fork_in_each, NULL, text, sizeof(text)) == 0);
}
