/* SPDX-License-Identifier: MIT */
/*
 * Short threads: what they do first, what they leave behind and how they end. Each is given some
 * blocks that another thread made, and leaves some that another thread frees.
 */
#include "torture.h"

#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api.h"

enum { BLOCKS = 64, GIVEN = 8, STACK = 256 * 1024, ROUNDS = 4 };

enum way {
	RETURNS,
	FREES_FIRST, /* its first operation is a free */
#ifndef TORTURE_DIRECT
	EXITS,     /* by pthread_exit */
	CANCELLED, /* with blocks in hand, which a handler frees */
	DETACHED,
	RAW,       /* by the system call: no destructor runs */
	TSD_FIRST, /* its first operation is in a destructor of thread-specific data */
	TSD_AGAIN, /* its destructor sets its key again in every round */
	CXX_FIRST, /* its first operation is in a C++ destructor of a thread_local */
#endif
	WAYS
};

static const char *const names[WAYS] = {
        [RETURNS] = "return",      [FREES_FIRST] = "free-first",
#ifndef TORTURE_DIRECT
        [EXITS] = "pthread-exit",  [CANCELLED] = "cancel",       [DETACHED] = "detach",
        [RAW] = "raw-exit",        [TSD_FIRST] = "tsd-first",    [TSD_AGAIN] = "tsd-again",
        [CXX_FIRST] = "cxx-first",
#endif
};

struct mortal {
	struct torturer torturer;
	struct held held[BLOCKS];
	enum way way;
	unsigned rounds;
	size_t size; /* of most of its blocks */
	pthread_t thread;
};

static bool left_out[WAYS];
static atomic_uint detached;
static pthread_key_t key;

bool lives_without(const char *name)
{
	for (unsigned i = 0; i < WAYS; i++)
		if (!strcmp(names[i], name))
			return left_out[i] = true;
	return false;
}

static size_t size_of_next(struct mortal *life)
{
	uint64_t *random = &life->torturer.random;
	return below(random, 8) ? life->size : below(random, below(random, 8) ? 3000 : 200000);
}

static void make(struct mortal *life, unsigned i)
{
	if (!life->held[i].p)
		block_make(&life->torturer, &life->held[i], size_of_next(life), 0);
}

static void drop(struct mortal *life, unsigned i)
{
	if (life->held[i].p)
		block_free(&life->torturer, &life->held[i]);
}

static void be_busy(struct mortal *life, unsigned operations)
{
	uint64_t *random = &life->torturer.random;
	for (unsigned i = 0; i < operations; i++) {
		unsigned at = (unsigned)below(random, BLOCKS);
		if (life->held[at].p)
			drop(life, at);
		else
			make(life, at);
		if (i % 16 == 0)
			exchange_swap(&life->torturer, &life->held[at]);
	}
	life->torturer.operations += operations;
}

/* What it was given is freed before anything is allocated. */
static void free_first(struct mortal *life)
{
	for (unsigned i = 0; i < GIVEN; i++)
		drop(life, i);
}

#ifdef TORTURE_DIRECT

static void end(struct mortal *life)
{
	(void)life;
}

static bool begins_late(const struct mortal *life)
{
	(void)life;
	return false;
}

void lives_prepare(void)
{
	(void)key;
}

#else

static void drop_all(void *argument)
{
	struct mortal *life = argument;
	for (unsigned i = 0; i < BLOCKS; i++)
		drop(life, i);
}

static void late(void *argument)
{
	struct mortal *life = argument;
	if (life->rounds++ % 2)
		make(life, BLOCKS - 1);
	free_first(life);
	be_busy(life, 20);
	if (life->way == TSD_AGAIN && life->rounds < ROUNDS)
		pthread_setspecific(key, life);
}

static void late_cxx(void *argument)
{
	struct mortal *life = argument;
	free_first(life);
	be_busy(life, 20);
}

static void wait_to_be_cancelled(struct mortal *life)
{
	pthread_cleanup_push(drop_all, life);
	for (;;) {
		be_busy(life, 10);
		pthread_testcancel();
		pause_us(50);
	}
	pthread_cleanup_pop(1);
}

extern int __cxa_thread_atexit_impl(void (*destructor)(void *), void *object, void *dso);
extern void *__dso_handle;

static void end(struct mortal *life)
{
	switch (life->way) {
	case EXITS:
		pthread_exit(NULL);
	case CANCELLED:
		wait_to_be_cancelled(life);
		break;
	case RAW:
		syscall(SYS_exit, 0);
		break;
	case TSD_FIRST:
	case TSD_AGAIN:
		pthread_setspecific(key, life);
		break;
	case CXX_FIRST:
		calm_begin();
		__cxa_thread_atexit_impl(late_cxx, life, &__dso_handle);
		calm_end();
		break;
	default:
		break;
	}
}

static bool begins_late(const struct mortal *life)
{
	return life->way == TSD_FIRST || life->way == CXX_FIRST ||
	       (life->way == TSD_AGAIN && life->size % 2);
}

static void *nothing(void *unused)
{
	pthread_exit(unused);
}

/* The C library loads a library for the first pthread_exit, and ends the process if it cannot. */
void lives_prepare(void)
{
	pthread_t thread;
	if (pthread_key_create(&key, late) || pthread_create(&thread, NULL, nothing, NULL) ||
	    pthread_join(thread, NULL))
		error("cannot start");
}

#endif

static void *live(void *argument)
{
	struct mortal *life = argument;
	if (begins_late(life)) {
		end(life);
		return NULL;
	}
	if (life->way == FREES_FIRST)
		free_first(life);
	be_busy(life, (unsigned)below(&life->torturer.random, 500));
	end(life);
	return NULL;
}

#ifdef TORTURE_DIRECT

void lives_wait(void)
{
	(void)detached;
}

static bool start_detached(struct torturer *t, unsigned way)
{
	(void)t;
	(void)way;
	return false;
}

#else

static void *live_alone(void *argument)
{
	struct mortal *life = argument;
	be_busy(life, 100);
	drop_all(life);
	detached--;
	return NULL;
}

/* Nobody waits for it, so it brings its record: in a place that is not reused while it lives. */
static bool start_detached(struct torturer *t, unsigned way)
{
	static struct mortal alone[64];
	pthread_attr_t attributes;
	pthread_t thread;
	if (way != DETACHED)
		return false;
	if (detached)
		return true;
	for (unsigned i = 0; i < 8; i++) {
		struct mortal *life = &alone[i];
		memset(life, 0, sizeof(*life));
		life->torturer.random = draw(&t->random);
		life->torturer.id = 200 + i;
		life->size = 1 + below(&t->random, 500);
		pthread_attr_init(&attributes);
		pthread_attr_setstacksize(&attributes, STACK);
		pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
		detached++;
		if (pthread_create(&thread, &attributes, live_alone, life))
			detached--;
		pthread_attr_destroy(&attributes);
	}
	return true;
}

void lives_wait(void)
{
	while (detached)
		pause_us(1000);
}

#endif

static bool start(struct torturer *t, struct mortal *life, enum way way, unsigned i)
{
	pthread_attr_t attributes;
	unsigned squeeze = squeezes;
	memset(life, 0, sizeof(*life));
	life->torturer.random = draw(&t->random);
	life->torturer.id = 100 + i;
	life->way = way;
	life->size = below(&t->random, 4) ? 1 + below(&t->random, 1500) : below(&t->random, 40000);
	for (unsigned k = 0; k < GIVEN; k++)
		block_make(t, &life->held[k], size_of_next(life), 0);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	bool started = !pthread_create(&life->thread, &attributes, live, life);
	pthread_attr_destroy(&attributes);
	if (!started && !(squeeze & 1) && squeeze == squeezes)
		error("a thread cannot be started");
	return started;
}

static enum way draw_way(struct torturer *t)
{
	for (;;) {
		enum way way = (enum way)below(&t->random, WAYS);
		if (!left_out[way])
			return way;
	}
}

static void finish(struct torturer *t, struct mortal *life, bool started)
{
#ifndef TORTURE_DIRECT
	if (started && life->way == CANCELLED)
		pthread_cancel(life->thread);
#endif
	if (started)
		pthread_join(life->thread, NULL);
	for (unsigned i = 0; i < BLOCKS; i++)
		if (life->held[i].p)
			block_free(t, &life->held[i]);
	t->operations += life->torturer.operations;
}

void lives(struct torturer *t)
{
	static struct mortal all[LIVES_AT_ONCE];
	bool started[LIVES_AT_ONCE];
	while (!stop) {
		unsigned n = 1 + (unsigned)below(&t->random, LIVES_AT_ONCE);
		enum way way = draw_way(t);
		t->doing = names[way];
		if (start_detached(t, way))
			continue;
		for (unsigned i = 0; i < n; i++)
			started[i] = start(t, &all[i], i % 2 ? draw_way(t) : way, i);
		for (unsigned i = 0; i < n; i++)
			finish(t, &all[i], started[i]);
		pause_us(below(&t->random, 300));
	}
}
