/* SPDX-License-Identifier: MIT */
/*
 * sim [--seed N] [--seeds N] [--steps N] [--minutes N] [--jobs N] [--only STEPS] [--allow BITS]
 *     [--failures N] [--shrink SECONDS] [--verbose 1]
 * Runs seeds, each in a child process; a failure is printed with its seed and step, and shrunk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/sim.h"

enum { JOBS_MAX = 16 };

struct job {
	pid_t child;
	uint64_t seed;
	struct report *report;
};

static struct job jobs[JOBS_MAX];
static unsigned job_count = 2;
static uint64_t first_seed = 1, seeds = 200, steps = 5000;
static double minutes;
static bool one_seed;
static unsigned shrink_seconds = 30, failures_max = 10;
static struct report sum;
static uint64_t failures;

static struct report *shared_report(void)
{
	return mmap(NULL, sizeof(struct report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	            -1, 0);
}

static pid_t start(uint64_t seed, uint64_t n, const uint32_t *only, size_t count,
                   struct report *report)
{
	static struct plan plan;
	memset(report, 0, sizeof(*report));
	fflush(stdout);
	pid_t child = fork();
	if (child)
		return child;
	sim_report = report;
	plan_make(&plan, seed);
	run_seed(&plan, n, only, count);
}

static void note_death(struct report *report, int status)
{
	if (!status || report->failed)
		return;
	report->failed = true;
	snprintf(report->text + strlen(report->text), SIM_TEXT - strlen(report->text),
	         "the run ended with status %d", status);
}

bool sim_try(uint64_t seed, uint64_t n, const uint32_t *only, size_t count, struct report *report)
{
	static struct report *shared;
	int status = 0;
	shared = shared ? shared : shared_report();
	pid_t child = start(seed, n, only, count, shared);
	waitpid(child, &status, 0);
	note_death(shared, status);
	*report = *shared;
	return !shared->failed;
}

static void tell(uint64_t seed, const struct report *report)
{
	struct plan plan;
	plan_make(&plan, seed);
	failures++;
	printf("FAIL  seed %llu, step %llu: %s\n", (unsigned long long)seed,
	       (unsigned long long)report->failed_at, report->text);
	plan_print(&plan);
	fflush(stdout);
}

static void end(struct job *job, int status)
{
	const struct report *report = job->report;
	note_death(job->report, status);
	sum.steps += report->steps;
	sum.operations += report->operations;
	sum.switches += report->switches;
	sum.walks += report->walks;
	sum.refused += report->refused;
	sum.threads += report->threads;
	sum.forks += report->forks;
	job->child = 0;
	if (!report->failed)
		return;
	tell(job->seed, report);
	if (failures == 1 && shrink_seconds)
		shrink(job->seed, report, shrink_seconds);
}

static void wait_for_one(void)
{
	int status;
	pid_t child = wait(&status);
	for (unsigned i = 0; i < job_count; i++)
		if (jobs[i].child == child)
			end(&jobs[i], status);
}

static struct job *free_job(void)
{
	for (;;) {
		for (unsigned i = 0; i < job_count; i++)
			if (!jobs[i].child)
				return &jobs[i];
		wait_for_one();
	}
}

static bool is_running(void)
{
	for (unsigned i = 0; i < job_count; i++)
		if (jobs[i].child)
			return true;
	return false;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void run_all(void)
{
	double until = now() + minutes * 60;
	for (uint64_t i = 0; failures < failures_max && (minutes > 0 ? now() < until : i < seeds);
	     i++) {
		struct job *job = free_job();
		if (!job->report)
			job->report = shared_report();
		job->seed = first_seed + i;
		job->child = start(job->seed, steps, NULL, 0, job->report);
	}
	while (is_running())
		wait_for_one();
}

/* "3,7-12": steps. */
static int run_only(const char *list)
{
	uint32_t *only = NULL;
	size_t count = 0;
	struct report report;
	for (const char *s = list; *s;) {
		char *rest;
		unsigned long from = strtoul(s, &rest, 10), to = from;
		if (*rest == '-')
			to = strtoul(rest + 1, &rest, 10);
		for (; from <= to; from++) {
			only = realloc(only, (count + 1) * sizeof(*only));
			only[count++] = (uint32_t)from;
		}
		s = *rest == ',' ? rest + 1 : rest + strlen(rest);
	}
	bool ok = sim_try(first_seed, 0, only, count, &report);
	if (!ok)
		tell(first_seed, &report);
	printf("%zu steps: %s\n", count, ok ? "no failure" : "failed");
	free(only);
	return !ok;
}

static const char *list_of_steps;

static void read_option(const char *name, const char *value)
{
	if (!strcmp(name, "--seed")) {
		first_seed = strtoull(value, NULL, 0);
		one_seed = true;
	} else if (!strcmp(name, "--seeds")) {
		seeds = strtoull(value, NULL, 0);
		one_seed = false;
	} else if (!strcmp(name, "--steps")) {
		steps = strtoull(value, NULL, 0);
	} else if (!strcmp(name, "--jobs")) {
		job_count = (unsigned)strtoul(value, NULL, 0);
	} else if (!strcmp(name, "--minutes")) {
		minutes = strtod(value, NULL);
	} else if (!strcmp(name, "--failures")) {
		failures_max = (unsigned)strtoul(value, NULL, 0);
	} else if (!strcmp(name, "--shrink")) {
		shrink_seconds = (unsigned)strtoul(value, NULL, 0);
	} else if (!strcmp(name, "--allow")) {
		sim_allowed = (unsigned)strtoul(value, NULL, 0);
	} else if (!strcmp(name, "--only")) {
		list_of_steps = value;
	} else if (!strcmp(name, "--verbose")) {
		sim_verbose = *value != '0';
	} else {
		fprintf(stderr, "sim: unknown option %s\n", name);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2)
		read_option(argv[i], argv[i + 1]);
	if (job_count < 1 || job_count > JOBS_MAX)
		return 2;
	if (list_of_steps)
		return run_only(list_of_steps);
	if (one_seed)
		seeds = 1;
	if (minutes > 0 && !one_seed) /* new seeds each time */
		first_seed = random_mix((uint64_t)time(NULL)) >> 24;
	double began = now();
	run_all();
	printf("sim: seeds %llu and on: %llu steps, %llu operations, %llu switches, %llu threads, "
	       "%llu forks, %llu walks, %llu calls refused, %.0f s; %llu errors\n",
	       (unsigned long long)first_seed, (unsigned long long)sum.steps,
	       (unsigned long long)sum.operations, (unsigned long long)sum.switches,
	       (unsigned long long)sum.threads, (unsigned long long)sum.forks,
	       (unsigned long long)sum.walks, (unsigned long long)sum.refused, now() - began,
	       (unsigned long long)failures);
	printf("%d passed, %d failed, 0 skipped\n", !failures, !!failures);
	return failures != 0;
}
