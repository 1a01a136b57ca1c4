/* SPDX-License-Identifier: MIT */
/* One run: the scheduler, and how it ends. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/sim.h"

enum { SECONDS_MAX = 60, ALARM_STEPS = 256, CHILD_STEPS = 80 };

struct report *sim_report;
const struct plan *sim_plan;
uint64_t sim_step;
bool sim_verbose, run_in_child, run_lenient;

static uint64_t child_steps;

void sim_fail(const char *format, ...)
{
	va_list arguments;
	size_t used = strlen(sim_report->text);
	va_start(arguments, format);
	vsnprintf(sim_report->text + used, SIM_TEXT - used, format, arguments);
	va_end(arguments);
	used = strlen(sim_report->text);
	snprintf(sim_report->text + used, SIM_TEXT - used, "%s",
	         run_in_child ? " (in a child)" : "");
	sim_report->kind = format;
	sim_report->failed = true;
	sim_report->failed_at = sim_step;
	fflush(stdout);
	_exit(1);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (number == SIGALRM)
		sim_fail("it hangs");
	if (number == SIGABRT)
		sim_fail("abort()");
	sim_fail("signal %d at %p", number, info->si_addr);
}

static void watch_signals(void)
{
	static char stack[65536];
	stack_t alternative = {.ss_sp = stack, .ss_size = sizeof(stack)};
	sigaltstack(&alternative, NULL);
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGALRM};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		sigaction(numbers[i], &action, NULL);
	alarm(SECONDS_MAX);
}

bool run_is_quiet(void)
{
	for (unsigned i = 0; i < sim_plan->threads; i++)
		if (&sim_threads[i] != sim_self &&
		    (sim_threads[i].state == THREAD_BUSY || sim_threads[i].state == THREAD_WAITING))
			return false;
	return true;
}

void run_child(void)
{
	run_in_child = true;
	child_steps = CHILD_STEPS;
	alarm(SECONDS_MAX);
}

static void settle_and_walk(void)
{
	if (!threads_settle())
		sim_fail("threads wait for each other");
	walk();
}

static void run_step(uint64_t step)
{
	struct op op;
	sim_step = step;
	if (step % ALARM_STEPS == 0)
		alarm(SECONDS_MAX);
	op_make(sim_plan, step, &op);
	struct sim_thread *thread = &sim_threads[op.thread];
	struct random random = {random_mix(op.random)};
	kernel_tick(random_below(&random, sim_plan->clock_step));
	if (thread->state == THREAD_NONE)
		thread_start(thread);
	if (!thread_can_run(thread))
		return;
	if (thread->state == THREAD_IDLE) {
		thread->random.state = op.random;
		thread->calls = 0;
		thread->refused = false;
	}
	thread_resume(thread, &op);
	if (thread->state == THREAD_NONE)
		thread_vanish(thread);
	if (step % sim_plan->walk_every == sim_plan->walk_every - 1)
		settle_and_walk();
}

static void check_blocks(void)
{
	for (size_t i = 0; i < oracle_count; i++)
		oracle_check_block(&oracle_blocks[i]);
}

void run_seed(const struct plan *plan, uint64_t steps, const uint32_t *only, size_t count)
{
	sim_plan = plan;
	watch_signals();
	kernel_init();
	threads_init();
	uint64_t n = only ? count : steps;
	for (uint64_t i = 0; i < n && (!run_in_child || child_steps--); i++) {
		run_step(only ? only[i] : i);
		if (!run_in_child)
			sim_report->steps++;
	}
	settle_and_walk();
	check_blocks();
	_exit(0);
}
