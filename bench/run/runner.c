/* SPDX-License-Identifier: MIT */
/*
 * Worker 0 is the main thread: a program with one thread is what allocators (glibc's above all)
 * treat specially, and `-t 1` must measure that.
 */
#include "bench/run/runner.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "bench/base/resources.h"

static struct {
	const struct workload *workload;
	const struct bench_options *options;
	struct worker workers[BENCH_MAX_THREADS];
	pthread_barrier_t barrier;
	struct resources before, after;
	struct counters counters;
	uint64_t start_ns;
	uint64_t rss_bytes;
	atomic_bool done;
} run;

/* Until `ops` operations are done or the deadline has passed. */
static uint64_t perform(struct worker *worker, uint64_t ops)
{
	uint64_t done = 0;
	if (run.workload->whole)
		return ops ? run.workload->run(worker, ops) : 0;
	while (done < ops && !bench_expired(worker)) {
		uint64_t batch = ops - done;
		/* By count: one batch, so that instruction counts
		 * are the loop's and nothing else. */
		if (worker->deadline_ns != UINT64_MAX && batch > run.workload->batch)
			batch = run.workload->batch;
		uint64_t performed = run.workload->run(worker, batch);
		done += performed;
		atomic_store_explicit(&worker->progress, worker->progress + performed,
		                      memory_order_relaxed);
	}
	return done;
}

/* By worker 0, while the others wait at the barrier. */
static void measured_part_begins(void)
{
	run.start_ns = bench_now_ns();
	for (unsigned i = 0; i < run.options->threads; i++)
		if (!run.options->ops)
			run.workers[i].deadline_ns =
			        run.start_ns + (uint64_t)(run.options->seconds * 1e9);
	run.before = resources_now();
	counters_start();
}

static void measured_part_ends(void)
{
	run.counters = counters_stop();
	run.after = resources_now();
	run.rss_bytes = resources_rss();
	atomic_store(&run.done, true);
}

static void *worker_main(void *argument)
{
	struct worker *worker = argument;
	worker->deadline_ns = UINT64_MAX;
	run.workload->open(worker);
	perform(worker, run.workload->warm_ops);

	pthread_barrier_wait(&run.barrier);
	if (worker->index == 0)
		measured_part_begins();
	pthread_barrier_wait(&run.barrier);

	uint64_t start = bench_now_ns();
	worker->ops = perform(worker, run.options->ops ? run.options->ops : UINT64_MAX);
	worker->wall_ns = bench_now_ns() - start;

	pthread_barrier_wait(&run.barrier);
	if (worker->index == 0) {
		measured_part_ends();
		if (run.workload->settle)
			run.workload->settle(run.workers);
	}
	pthread_barrier_wait(&run.barrier);
	run.workload->close(worker);
	return NULL;
}

/*
 * Progress: one line per slice on stdout, `slice NOW_S OPS CPU_S`: the monotonic clock at the end
 * of the slice, operations and CPU time of the process in it.
 */
static void *slices_main(void *argument)
{
	(void)argument;
	uint64_t ops_before = 0, next = bench_now_ns(), cpu_before = resources_now().cpu_ns;
	while (!atomic_load(&run.done)) {
		next += run.options->slice_ms * 1000000ull;
		struct timespec until = {(time_t)(next / 1000000000u), (long)(next % 1000000000u)};
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		uint64_t ops = 0, cpu = resources_now().cpu_ns, now = bench_now_ns();
		for (unsigned i = 0; i < run.options->threads; i++)
			ops += atomic_load_explicit(&run.workers[i].progress, memory_order_relaxed);
		printf("slice %.6f %llu %.6f\n", (double)now / 1e9,
		       (unsigned long long)(ops - ops_before), (double)(cpu - cpu_before) / 1e9);
		fflush(stdout);
		ops_before = ops;
		cpu_before = cpu;
		next = now > next + run.options->slice_ms * 1000000ull ? now : next;
	}
	return NULL;
}

static struct result collect(void)
{
	struct result result = {
	        .page_faults = run.after.page_faults - run.before.page_faults,
	        .peak_rss_bytes = resources_peak_rss(),
	        .rss_bytes = run.rss_bytes,
	        .counters = run.counters,
	        .workers = run.workers,
	};
	/* The kernel counts in batches per CPU, so that VmHWM
	 * may lag behind VmRSS by some pages. */
	if (result.peak_rss_bytes < result.rss_bytes)
		result.peak_rss_bytes = result.rss_bytes;
	uint64_t wall_ns = 0;
	for (unsigned i = 0; i < run.options->threads; i++) {
		const struct worker *worker = &run.workers[i];
		double seconds = (double)worker->wall_ns / 1e9;
		result.ops += worker->ops;
		result.requested_bytes += worker->requested_bytes;
		wall_ns += worker->wall_ns;
		result.ops_per_second += worker->wall_ns ? (double)worker->ops / seconds : 0;
		result.seconds = seconds > result.seconds ? seconds : result.seconds;
	}
	if (result.ops) {
		result.ns_per_op = (double)wall_ns / (double)result.ops;
		result.cpu_ns_per_op =
		        (double)(run.after.cpu_ns - run.before.cpu_ns) / (double)result.ops;
	}
	return result;
}

struct result runner_run(const struct workload *workload, const struct bench_options *options)
{
	pthread_t threads[BENCH_MAX_THREADS], slices;
	run.workload = workload;
	run.options = options;
	pthread_barrier_init(&run.barrier, NULL, options->threads);
	counters_open();
	for (unsigned i = 0; i < options->threads; i++)
		run.workers[i] = (struct worker){
		        .index = i,
		        .workers = options->threads,
		        .options = options,
		        .workload = workload,
		        .random = random_seed(options->seed, i),
		};
	if (options->slice_ms && pthread_create(&slices, NULL, slices_main, NULL))
		bench_fail("pthread_create");
	for (unsigned i = 1; i < options->threads; i++)
		if (pthread_create(&threads[i], NULL, worker_main, &run.workers[i]))
			bench_fail("pthread_create");
	worker_main(&run.workers[0]);
	for (unsigned i = 1; i < options->threads; i++)
		pthread_join(threads[i], NULL);
	if (options->slice_ms)
		pthread_join(slices, NULL);
	return collect();
}
