/* SPDX-License-Identifier: MIT */
#include "tools/watch/watched.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/attach/alloc.h"
#include "tools/attach/attach.h"
#include "tools/attach/latency.h"
#include "tools/base/interrupt.h"
#include "tools/base/say.h"
#include "tools/base/units.h"
#include "tools/export/export.h"
#include "tools/export/flame.h"
#include "tools/profile/flame.h"
#include "tools/profile/profile.h"
#include "tools/target/figures.h"
#include "tools/view/flame_summary.h"
#include "tools/view/view.h"
#include "tools/watch/recorder.h"

enum { FIRST_TALLY_MS = 300, FIRST_TALLY_TRIES = 15 };

/* --- life ------------------------------------------------------------------------------------ */

static int take_threads(struct watched *watched)
{
	return threads__take(&watched->threads_now, &watched->session->ledger,
	                     watched->now.class_size, watched->target->pid);
}

/* Makes what is now the beginning. */
static int restart(struct watched *watched)
{
	int err = take_threads(watched);

	watched->start = watched->before = watched->now;
	if (!err)
		err = threads__copy(&watched->threads_start, &watched->threads_now);
	return err;
}

/*
 * Tallies alone know nothing before the first one, which a busy target sends within 100 ms: without
 * it the first interval would have no beginning.
 */
static int await_tally(struct watched *watched)
{
	struct session *session = watched->session;
	struct pollfd fds[SESSION_FDS];
	int err = 0;

	for (int i = 0; i < FIRST_TALLY_TRIES && !err && !watched->now.has_process; i++) {
		if (session->attachment.reads || !session->tally)
			break;
		poll(fds, session__fds(session, fds), FIRST_TALLY_MS / FIRST_TALLY_TRIES);
		err = session__read(session, &watched->now);
	}
	return err;
}

static int attach_all(struct watched *watched)
{
	int err;

	watched->session = session__new(watched->options, watched->target);
	if (!watched->session) {
		say("out of memory");
		return -ENOMEM;
	}
	err = session__prepare(watched->session);
	interrupt__at_own(); /* the kernel's verifier takes its time */
	if (!err)
		err = interrupt__asked() ? -EINTR : session__load(watched->session);
	if (!err)
		err = interrupt__asked() ? -EINTR : session__attach(watched->session);
	interrupt__at_others();
	if (!err)
		err = session__read(watched->session, &watched->now);
	if (!err)
		err = await_tally(watched);
	if (!err)
		err = restart(watched);
	return err;
}

int watched__new(struct watched **result, const struct options *options, pid_t pid)
{
	struct watched *watched = calloc(1, sizeof(*watched));
	int err;

	*result = NULL;
	if (!watched) {
		say("out of memory");
		return -ENOMEM;
	}
	watched->options = options;
	err = target__new(&watched->target, pid);
	if (!err)
		err = attach__check();
	if (!err)
		err = attach_all(watched);
	if (err) {
		watched__free(watched);
		return err;
	}
	*result = watched;
	return 0;
}

void watched__free(struct watched *watched)
{
	if (!watched)
		return;
	session__free(watched->session);
	target__free(watched->target);
	threads__clear(&watched->threads_start);
	threads__clear(&watched->threads_before);
	threads__clear(&watched->threads_now);
	threads__clear(&watched->threads);
	profile__free(watched->callers);
	free(watched);
}

enum watched_state watched__state(const struct watched *watched)
{
	if (target__has_ended(watched->target))
		return WATCHED_ENDED;
	if (watched->err)
		return WATCHED_FAILED;
	return watched->session->replaced ? WATCHED_REPLACED : WATCHED_RUNS;
}

/* --- reports --------------------------------------------------------------------------------- */

/* A process that has ended has no gauges any more; its last ones stand. */
static void keep_gauges(struct reading *now, const struct reading *last)
{
	uint64_t samples = cost_zones__samples(&now->zones) - cost_zones__samples(&last->zones);

	now->rss = last->rss;
	now->rss_kinds = last->rss_kinds;
	now->threads = last->threads;
	now->uptime = last->uptime + (double)(now->mono_ns - last->mono_ns) / 1e9;
	now->cpu_ns = last->cpu_ns + samples * (1000000000u / (now->own.hz ? now->own.hz : 1));
}

/* Bytes and mallocs that a route has served since the start, exactly. */
static double route_bytes(const struct watched *watched, uint64_t *mallocs)
{
	const int only = session__class(watched->session);
	const enum hak_route route = watched->options->route;
	double bytes = 0;

	*mallocs = 0;
	for (int i = 0; i < HAK_CLASS_COUNT; i++) {
		uint64_t count = figures__route(&watched->now.figures.classes[i], route) -
		                 figures__route(&watched->start.figures.classes[i], route);

		if (only >= 0 && i != only)
			continue;
		*mallocs += count;
		bytes += (double)count * (double)watched->now.class_size[i];
	}
	return bytes;
}

/* The visits that were seen stand for all. */
static void scale_callers(struct watched *watched)
{
	struct report *report = &watched->report;
	uint64_t mallocs;
	double all = route_bytes(watched, &mallocs);

	for (size_t i = 0; i < report->caller_count; i++)
		report->callers[i].weight *= all / report->caller_weight;
	report->caller_weight = all;
}

static int derive_callers(struct watched *watched)
{
	struct report *report = &watched->report;
	struct flame *flame = watched->session->flame;
	int count;

	if (!flame || !flame_kinds__need_alloc(watched->options->flame.kinds))
		return 0;
	profile__free(watched->callers);
	watched->callers = flame__profile(flame, FLAME_ALLOC);
	if (!watched->callers)
		return -ENOMEM;
	report->caller_weight = profile__weight(watched->callers);
	count = callers__top(watched->callers, report->callers, REPORT_CALLERS);
	report->caller_count = count > 0 ? (size_t)count : 0;
	if (session__follows_visits(watched->session))
		scale_callers(watched);
	return count < 0 ? count : 0;
}

static int derive(struct watched *watched, const struct reading *before,
                  const struct thread_table *threads, bool since_start)
{
	struct report *report = &watched->report;
	int err;

	memset(report, 0, sizeof(*report));
	report->target = watched->target;
	report->attachment = &watched->session->attachment;
	report->governor = &watched->session->governor;
	report->view = watched->options->view;
	report->class = session__class(watched->session);
	report->route = watched->options->route;
	report->sort = watched->options->sort;
	report->now = &watched->now;
	report->before = before;
	report__derive(report, watched->session->cost, since_start);
	err = threads__subtract(&watched->threads, &watched->threads_now, threads);
	report->threads = &watched->threads;
	return err ? err : derive_callers(watched);
}

int watched__interval(struct watched *watched)
{
	struct thread_table old;
	int err;

	watched->before = watched->now;
	err = session__read(watched->session, &watched->now);
	if (err || watched->target->foreign)
		return err;
	if (!watched->before.has_process && watched->now.has_process) {
		/* Tallies alone know nothing before the first one: what it brings is no change. */
		cost__begin_interval(watched->session->cost);
		return restart(watched);
	}
	if (target__has_ended(watched->target))
		keep_gauges(&watched->now, &watched->before);
	old = watched->threads_before;
	watched->threads_before = watched->threads_now;
	watched->threads_now = old;
	err = take_threads(watched);
	if (!err)
		err = derive(watched, &watched->before, &watched->threads_before, false);
	if (err)
		return err;
	timeline__add(&watched->timeline, &watched->report);
	cost__begin_interval(watched->session->cost);
	session__govern(watched->session, &watched->report);
	watched->reports++;
	return 1;
}

int watched__summarise(struct watched *watched)
{
	if (watched->target->foreign)
		return 0;
	return derive(watched, &watched->start, &watched->threads_start, true);
}

/* --- files ----------------------------------------------------------------------------------- */

/* "x.svg" becomes "x.1234.svg". */
static void name_file(const struct watched *watched, const char *path, bool several, char *name,
                      size_t size)
{
	size_t stem = strlen(path) - strlen(export_format__of(path)->suffix);

	if (several)
		snprintf(name, size, "%.*s.%d%s", (int)stem, path, watched->target->pid,
		         path + stem);
	else
		snprintf(name, size, "%s", path);
}

/* What a unit of weight of the samples is in ns of the target's CPU time. */
static double cpu_scale(const struct watched *watched)
{
	struct cost_zones zones;
	double weight = 0;

	cost_zones__subtract(&zones, &watched->now.zones, &watched->start.zones);
	for (int i = 0; i < ZONE_COUNT; i++)
		weight += (double)zones.weight[i];
	return weight > 0 && watched->now.cpu_ns > watched->start.cpu_ns
	               ? (double)(watched->now.cpu_ns - watched->start.cpu_ns) / weight
	               : 1;
}

/* The visits that were seen stand for all, whose bytes are known. */
static double route_scale(const struct watched *watched)
{
	const double seen = flame__weight(watched->session->flame, FLAME_ALLOC);
	uint64_t mallocs;

	return seen > 0 ? route_bytes(watched, &mallocs) / seen : 1;
}

static void say_visits(const struct watched *watched)
{
	const struct flame *flame = watched->session->flame;
	uint64_t mallocs;
	double bytes = route_bytes(watched, &mallocs);

	say("%llu visits by route %s were followed; they stand for %llu mallocs of %s; %llu stacks are "
	    "truncated, %llu samples were lost",
	    (unsigned long long)flame__samples(flame, FLAME_ALLOC),
	    figures__route_name(watched->options->route), (unsigned long long)mallocs,
	    units__bytes(bytes).text, (unsigned long long)flame__truncated(flame),
	    (unsigned long long)attach_latency__counters(watched->session->latency).lost);
}

static void say_allocations(const struct watched *watched)
{
	const struct flame *flame = watched->session->flame;
	uint64_t thinned = attach_alloc__thinned(watched->session->alloc);

	say("%llu sampled allocations stand for %s; %llu stacks are truncated, %llu samples were "
	    "lost",
	    (unsigned long long)flame__samples(flame, FLAME_ALLOC),
	    units__bytes(flame__weight(flame, FLAME_ALLOC)).text,
	    (unsigned long long)flame__truncated(flame),
	    (unsigned long long)attach_alloc__counters(watched->session->alloc).lost);
	if (thinned)
		say("to hold the ceiling %llu more were left out at random; the weights of the "
		    "others are greater by as much",
		    (unsigned long long)thinned);
}

static void say_samples(const struct watched *watched)
{
	const struct flame *flame = watched->session->flame;
	const unsigned kinds = watched->options->flame.kinds;

	if (session__follows_visits(watched->session))
		say_visits(watched);
	else if (flame_kinds__need_alloc(kinds))
		say_allocations(watched);
	if (flame_kinds__need_free(kinds))
		say("%llu sampled objects are alive and stand for %s; what was allocated before "
		    "the attach is not seen",
		    (unsigned long long)flame__samples(flame, FLAME_LIVE),
		    units__bytes(flame__weight(flame, FLAME_LIVE)).text);
	if (kinds & 1u << FLAME_CPU)
		say("%llu samples of the allocator's CPU time stand for %.3g s",
		    (unsigned long long)flame__samples(flame, FLAME_CPU),
		    flame__weight(flame, FLAME_CPU) / 1e9);
}

static int write_files(const struct watched *watched, const struct flame_extras *extras,
                       bool several)
{
	const struct outputs *outputs = &watched->options->outputs;
	char name[PATH_MAX];
	int err, result = 0;

	for (size_t i = 0; i < outputs->count; i++) {
		const struct output *output = &outputs->list[i];

		name_file(watched, output->path, several, name, sizeof(name));
		err = export_flame(watched->session->flame, output->kinds, extras, name);
		if (say__written(name, err))
			result = err;
	}
	return result;
}

static int write_capture(const struct watched *watched)
{
	const struct session *session = watched->session;
	int err;

	if (!session->capture)
		return 0;
	err = recorder__finish(session->capture, watched->target, session->unwinder,
	                       watched->options->unwind, &watched->start, &watched->now,
	                       attach_alloc__counters(session->alloc).lost);
	return say__written(session->capture_path, err);
}

/* The summary for a report, whatever the view is; NULL when there is no memory. */
static char *text_summary(struct watched *watched)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (!watched->target->foreign && !watched__summarise(watched))
		view_lines.summary(out, &watched->report);
	flame__summary(watched->session->flame, out);
	fclose(out);
	return text;
}

int watched__write(struct watched *watched, bool several, FILE *out)
{
	struct flame_extras extras = {.timeline = &watched->timeline};
	struct flame *flame = watched->session->flame;
	char *summary;
	int err, captured;

	if (!flame)
		return 0;
	interrupt__at_others();
	/* The capture's exact counts must be of the same time as its samples. */
	if (watched->session->capture && !watched->session->replaced)
		(void)session__read(watched->session, &watched->now);
	err = session__drain(watched->session);
	if (err == -ETIMEDOUT) {
		say("process %d: what its stacks are named by does not come: no flame graphs of it",
		    watched->target->pid);
		return err;
	}
	if (err)
		say("the flame graphs are not whole: %s", strerror(-err));
	interrupt__at_own();
	flame__set_scale(flame, FLAME_CPU, cpu_scale(watched));
	if (session__follows_visits(watched->session))
		flame__set_scale(flame, FLAME_ALLOC, route_scale(watched));
	err = flame__settle(flame);
	if (err)
		return err;
	say_samples(watched);
	if (out) {
		flame__summary(flame, out);
		fflush(out);
	}
	summary = text_summary(watched);
	extras.summary = summary;
	err = write_files(watched, &extras, several);
	free(summary);
	captured = write_capture(watched);
	return err ? err : captured;
}
