/* SPDX-License-Identifier: MIT */
/*
 * Operations. What one does follows from its step's number alone, and which block it takes from
 * what is live then: so the rest of a sequence keeps its sense when some of it is left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc/alloc.h"
#include "alloc/decay.h"
#include "alloc/init.h"
#include "alloc/libc.h"
#include "tests/sim/sim.h"

enum kind {
	OP_MALLOC,
	OP_FREE,
	OP_CALLOC,
	OP_ALIGNED,
	OP_REALLOC,
	OP_USABLE,
	OP_CHECK,
	OP_FOREIGN,
	OP_COUNTS,
	OP_EXIT,
	OP_DIE,
	OP_FORK,
	OP_TRIM,
	OP_TIME,
	OP_WATCH,
	OP_KINDS,
};

static const char *const names[OP_KINDS] = {"malloc", "free",  "calloc",  "aligned", "realloc",
                                            "usable", "check", "foreign", "counts",  "exit",
                                            "dies",   "fork",  "trim",    "time",    "watch"};

enum { FORKED_STEPS = 60, STRAY = 4, LONG_TIME = 5 };

static unsigned weight_of(const struct plan *plan, enum kind kind, bool growing)
{
	const unsigned weights[OP_KINDS] = {
	        [OP_MALLOC] = growing ? 300 : 150,
	        [OP_FREE] = growing ? 150 : 300,
	        [OP_CALLOC] = 30,
	        [OP_ALIGNED] = 15,
	        [OP_REALLOC] = 60,
	        [OP_USABLE] = 5,
	        [OP_CHECK] = 10,
	        [OP_FOREIGN] = 2,
	        [OP_COUNTS] = 10,
	        [OP_EXIT] = plan->starts,
	        [OP_DIE] = plan->deaths ? plan->starts : 0,
	        [OP_FORK] = plan->forks ? 1 : 0,
	        [OP_TRIM] = plan->trims ? 3 : 0,
	        [OP_TIME] = 3,
	        [OP_WATCH] = plan->samples ? 3 : 0,
	};
	return weights[kind];
}

static enum kind draw_kind(const struct plan *plan, struct random *random, bool growing)
{
	unsigned total = 0, kind;
	for (kind = 0; kind < OP_KINDS; kind++)
		total += weight_of(plan, kind, growing);
	unsigned at = (unsigned)random_below(random, total);
	for (kind = 0; at >= weight_of(plan, kind, growing); kind++)
		at -= weight_of(plan, kind, growing);
	return kind;
}

void op_make(const struct plan *plan, uint64_t step, struct op *op)
{
	struct random random = {random_mix(plan->seed * 0x2545f4914f6cdd1du ^ step)};
	bool growing = step / plan->phase % 2 == 0;
	op->kind = (uint8_t)draw_kind(plan, &random, growing);
	/* Mostly a few threads at a time, others later. */
	unsigned few = plan->threads < 3 ? plan->threads : 3;
	unsigned thread =
	        random_once_in(&random, 4)
	                ? (unsigned)random_below(&random, plan->threads)
	                : (unsigned)(step / (4 * plan->phase) + random_below(&random, few));
	op->thread = (uint8_t)(thread % plan->threads);
	op->repeat =
	        (uint16_t)(1 + random_below(&random, 1 + random_below(&random, plan->repeat_max)));
	op->random = random_next(&random);
}

void op_describe(const struct plan *plan, uint64_t step, char *text, size_t bytes)
{
	struct op op;
	op_make(plan, step, &op);
	snprintf(text, bytes, "thread %2u %s x %u", op.thread, names[op.kind], op.repeat);
}

/* --- blocks -------------------------------------------------------------------------------- */

static bool is_full(size_t n)
{
	return oracle_count >= sim_plan->live_max || oracle_bytes + n > sim_plan->bytes_max;
}

static bool is_cut(void)
{
	return random_once_in(&sim_self->random, sim_plan->cut);
}

/* As malloc_trim. */
static void do_trim(void)
{
	if (tcache_self)
		tcache_flush_all(tcache_self);
	decay_now();
}

/* There was no memory: is there now, when all that is kept was given back? */
static void try_again(size_t n, size_t align)
{
	if (!sim_plan->strict || !(sim_allowed & ALLOW_KEPT) || !run_is_quiet() ||
	    n > PTRDIFF_MAX / 2)
		return;
	do_trim();
	if (alloc_aligned(align, n))
		sim_fail("no memory for %zu bytes, but there is after malloc_trim", n);
}

static void do_malloc(void)
{
	size_t n = plan_size(sim_plan, &sim_self->random);
	if (is_full(n < PTRDIFF_MAX / 2 ? n : 0))
		return;
	sim_self->refused = false;
	void *p = is_cut() ? hot_malloc(n) : alloc_malloc(n);
	oracle_add(p, n, 16, false);
	if (!p)
		try_again(n, 1);
}

static void do_calloc(void)
{
	size_t n = plan_size(sim_plan, &sim_self->random);
	if (is_full(n < PTRDIFF_MAX / 2 ? n : 0))
		return;
	sim_self->refused = false;
	void *p = alloc_calloc(n);
	oracle_add(p, n, 16, true);
	if (!p)
		try_again(n, 1);
}

static void do_aligned(void)
{
	size_t n = plan_size(sim_plan, &sim_self->random);
	size_t align = (size_t)1 << random_below(&sim_self->random,
	                                         random_below(&sim_self->random, 4) ? 14 : 24);
	if (n > PTRDIFF_MAX / 2 || is_full(n + align))
		return;
	sim_self->refused = false;
	void *p = alloc_aligned(align, n);
	oracle_add(p, n, align < 16 ? 16 : align, false);
	if (!p)
		try_again(n, align);
}

static size_t choose(void)
{
	if (random_below(&sim_self->random, 16) < sim_plan->lifo)
		return oracle_count - 1;
	return random_below(&sim_self->random, oracle_count);
}

static void do_free(void)
{
	if (!oracle_count)
		return;
	struct block block = oracle_take(choose());
	if (is_cut())
		hot_free(block.p);
	else
		alloc_free(block.p);
	oracle_count_free(&block);
}

static size_t new_size(const struct block *block)
{
	struct random *random = &sim_self->random;
	switch (random_below(random, 5)) {
	case 0:
		return random_once_in(random, 4) ? 0 : block->n;
	case 1:
		return block->n + block->n / 2 + 1;
	case 2:
		return random_below(random, block->n + 1);
	case 3:
		return block->usable - random_below(random, 3) + 1;
	default:
		return plan_size(sim_plan, random);
	}
}

static void do_realloc(void)
{
	if (!oracle_count)
		return;
	size_t i = choose(), n = new_size(&oracle_blocks[i]);
	if (n < PTRDIFF_MAX / 2 && n > oracle_blocks[i].n && is_full(n))
		return;
	struct block block = oracle_take(i);
	sim_self->refused = false;
	void *p = alloc_realloc(block.p, n);
	oracle_realloced(&block, p, n);
	if (!p && n)
		try_again(n, 1);
}

static void do_check(void)
{
	for (int i = 0; i < 16 && oracle_count; i++)
		oracle_check_block(&oracle_blocks[random_below(&sim_self->random, oracle_count)]);
}

static void do_foreign(void)
{
	size_t n = 1 + random_below(&sim_self->random, 2000);
	char *p = malloc(n);
	memset(p, 7, n);
	bool moved = random_below(&sim_self->random, 2);
	if (moved) {
		p = alloc_realloc(p, n * 2);
		sim_check(p && p[0] == 7 && p[n - 1] == 7);
		if (tcache_self)
			oracle_count_foreign();
	}
	sim_check(!address_map_class(p));
	alloc_free(p);
}

/* --- threads ------------------------------------------------------------------------------- */

static void do_exit(void)
{
	tcache_leave();
	sim_self->exited = true;
}

/* Whether a thread that has exited is gone for good now; it may be about to free what it had. */
static bool is_gone(void)
{
	return sim_self->exited && random_once_in(&sim_self->random, STRAY);
}

static bool somebody_forks;

static void wait_for(pid_t child)
{
	int status = 0;
	if (waitpid(child, &status, 0) != child || status)
		_exit(1); /* it has said why */
}

static void do_fork(void)
{
	if (run_in_child || somebody_forks || !random_once_in(&sim_self->random, 4))
		return;
	somebody_forks = true;
	pid_t child = fork();
	somebody_forks = false;
	sim_check(child >= 0);
	if (!child) {
		run_child();
		return;
	}
	sim_report->forks++;
	wait_for(child);
}

/* First of all in a child: what the others have is lost before the allocator looks at it. */
void __real_tcache_fork_child(bool others);
void __wrap_tcache_fork_child(bool others);
void __wrap_tcache_fork_child(bool others)
{
	if (sim_self)
		threads_forked();
	__real_tcache_fork_child(others);
}

/* What is asked of libc's fork: whether others hold locks. */
bool __wrap_libc_has_one_thread(void);
bool __wrap_libc_has_one_thread(void)
{
	for (unsigned i = 0; sim_plan && i < sim_plan->threads; i++)
		if (sim_threads[i].state != THREAD_NONE && &sim_threads[i] != sim_self)
			return false;
	return true;
}

static void do_time(void)
{
	kernel_tick(random_below(&sim_self->random, LONG_TIME) * 500000000);
}

static void do_watch(void)
{
	unsigned short on = random_below(&sim_self->random, 2);
	HAK_SEMAPHORE(otel_memory, alloc) = on;
	HAK_SEMAPHORE(otel_memory, free) = on;
	HAK_SEMAPHORE(hakmem, cold_begin) = random_once_in(&sim_self->random, 4);
	HAK_SEMAPHORE(hakmem, tally) = random_once_in(&sim_self->random, 2);
}

static void do_counts(void)
{
	if (run_is_quiet())
		oracle_check_counts();
}

static void run_once(enum kind kind)
{
	static void (*const functions[OP_KINDS])(void) = {
	        [OP_MALLOC] = do_malloc,   [OP_FREE] = do_free,       [OP_CALLOC] = do_calloc,
	        [OP_ALIGNED] = do_aligned, [OP_REALLOC] = do_realloc, [OP_CHECK] = do_check,
	        [OP_FOREIGN] = do_foreign, [OP_COUNTS] = do_counts,   [OP_EXIT] = do_exit,
	        [OP_FORK] = do_fork,       [OP_TRIM] = do_trim,       [OP_TIME] = do_time,
	        [OP_WATCH] = do_watch,     [OP_USABLE] = do_check,
	};
	if (functions[kind])
		functions[kind]();
	sim_report->operations++;
}

void op_run(const struct op *op)
{
	unsigned repeat = op->kind <= OP_REALLOC ? op->repeat : 1;
	if (is_gone() || (op->kind == OP_DIE && !sim_self->exited)) {
		thread_leave(THREAD_NONE);
		return;
	}
	if (op->kind == OP_EXIT && sim_self->exited)
		return;
	for (unsigned i = 0; i < repeat; i++)
		run_once(op->kind);
}
