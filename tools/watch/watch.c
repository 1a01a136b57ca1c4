/* SPDX-License-Identifier: MIT */
#include "tools/watch/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tools/base/clock.h"
#include "tools/attach/uprobe.h"
#include "tools/base/interrupt.h"
#include "tools/base/memory.h"
#include "tools/base/privileges.h"
#include "tools/base/say.h"
#include "tools/target/find.h"
#include "tools/view/screen.h"
#include "tools/view/view.h"
#include "tools/watch/watched.h"

#define LOOK_SECONDS 0.1

struct watch {
	const struct options *options;
	const struct view *view;
	struct screen *screen; /* NULL: data goes to stdout as it comes */
	FILE *out;             /* stdout, or what waits until the screen is given back */
	char *deferred;
	size_t deferred_size;
	struct find *find; /* NULL: the processes are named */
	struct watched **list;
	size_t count;
	struct pollfd *fds;
	bool asked_to_stop;
	bool several;          /* more than one process was ever watched, or may be */
	unsigned long reports; /* intervals shown */
	int result;            /* of the files: 0 or -errno */
};

/* --- life ------------------------------------------------------------------------------------ */

struct watch *watch__new(const struct options *options)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->options = options;
	watch->view = options->json ? &view_json : &view_lines;
	watch->out = stdout;
	watch->several = options->pid_count != 1;
	return watch;
}

/* Gives the terminal back and prints what has waited for that. */
static void leave_screen(struct watch *watch)
{
	if (!watch->screen)
		return;
	screen__free(watch->screen);
	watch->screen = NULL;
	fclose(watch->out);
	watch->out = stdout;
	fwrite(watch->deferred, 1, watch->deferred_size, stdout);
	fflush(stdout);
	free(watch->deferred);
	say__release();
}

void watch__free(struct watch *watch)
{
	if (!watch)
		return;
	leave_screen(watch);
	for (size_t i = 0; i < watch->count; i++)
		watched__free(watch->list[i]);
	find__free(watch->find);
	free(watch->list);
	free(watch->fds);
	free(watch);
}

/* --- the processes --------------------------------------------------------------------------- */

/* A program that we run has the terminal for itself. */
static bool wants_screen(const struct options *options)
{
	return !options->json && !options->lines && !options->command && screen__is_possible();
}

/* All sessions sample on the same processors. */
static void share_hz(struct watch *watch)
{
	for (size_t i = 0; i < watch->count; i++)
		session__set_hz(watch->list[i]->session,
		                watch->options->hz / (unsigned)watch->count);
}

static int add_process(struct watch *watch, pid_t pid)
{
	struct watched **list = reallocarray(watch->list, watch->count + 1, sizeof(*list));
	struct pollfd *fds;
	int err;

	if (!list)
		return -ENOMEM;
	watch->list = list;
	fds = reallocarray(watch->fds, 2 + (watch->count + 1) * (SESSION_FDS + 1), sizeof(*fds));
	if (!fds)
		return -ENOMEM;
	watch->fds = fds;
	err = watched__new(&list[watch->count], watch->options, pid);
	if (err)
		return err;
	watch->count++;
	share_hz(watch);
	if (watch->view->begin && !wants_screen(watch->options) &&
	    !list[watch->count - 1]->target->foreign)
		watch->view->begin(watch->out, list[watch->count - 1]->target,
		                   &list[watch->count - 1]->session->attachment,
		                   &list[watch->count - 1]->now);
	fflush(watch->out);
	say("attached to process %d", pid);
	return 0;
}

/* One of all processes; that it cannot be watched has been
 * told and does not keep us from others. */
static int add_found(void *context, pid_t pid)
{
	int err = add_process(context, pid);

	return err == -ENOMEM ? err : 0;
}

static int begin_all(struct watch *watch)
{
	watch->find = find__new();
	if (!watch->find)
		return -ENOMEM;
	return find__scan(watch->find, add_found, watch);
}

/* Before Linux 5.19 looking into a map takes what loading a program does. */
static bool maps_are_free(void)
{
	unsigned major = 0, minor = 0;
	struct utsname name;

	return !uname(&name) && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	       major * 1000 + minor >= 5019;
}

/* Windows are opened by attaching again and again; other probes once. */
static unsigned uses(const struct options *options, bool attaches)
{
	unsigned uses = PRIVILEGES_READ;

	if (attaches || options->latency || options__route_is_visits(options) || !maps_are_free()) {
		uses |= PRIVILEGES_ATTACH;
		if (!uprobe__has_multi())
			uses |= PRIVILEGES_ATTACH_PERF;
	}
	if (options->outputs.count || options->capture)
		uses |= PRIVILEGES_WRITE;
	if (options->command)
		uses |= PRIVILEGES_SIGNAL;
	return uses;
}

int watch__begin(struct watch *watch)
{
	const struct options *options = watch->options;
	int err;

	watch->fds = calloc(2, sizeof(*watch->fds));
	if (!watch->fds)
		return -ENOMEM;
	memory__set_ceiling();
	err = privileges__keep(uses(options, true));
	if (!err)
		err = interrupt__begin();
	if (!err && !options->pid_count)
		err = begin_all(watch);
	for (size_t i = 0; i < options->pid_count && !err; i++)
		err = add_process(watch, options->pids[i]);
	if (err)
		return err;
	if (options->pid_count)
		err = privileges__keep(uses(options, false));
	if (err)
		return err;
	if (!watch->count)
		say("no process maps libhakmem yet: waiting for one");
	if (!wants_screen(options))
		return 0;
	watch->screen = screen__new(options->view, options->sort);
	if (!watch->screen) {
		say("this terminal cannot show a full-screen view (TERM): plain lines instead");
		return 0;
	}
	watch->out = open_memstream(&watch->deferred, &watch->deferred_size);
	say__hold();
	return watch->out ? 0 : -ENOMEM;
}

/* --- reports --------------------------------------------------------------------------------- */

static int show_interval(struct watch *watch, struct watched *watched)
{
	int shown = watched__interval(watched);

	if (shown <= 0)
		return shown;
	interrupt__at_own();
	if (watch->screen)
		screen__report(watch->screen, watched->target->pid, &watched->report);
	else
		watch->view->interval(watch->out, &watched->report);
	if (fflush(watch->out) && !watch->asked_to_stop) {
		watch->result = -errno;
		watch->asked_to_stop = true;
		say("stopped: the figures cannot be written: %s", strerror(errno));
	}
	interrupt__at_others();
	return 0;
}

static void say_ending(const struct watched *watched)
{
	enum watched_state state = watched__state(watched);

	if (state == WATCHED_ENDED)
		say("process %d has ended", watched->target->pid);
	if (state == WATCHED_FAILED)
		say("process %d is not watched any more: %s", watched->target->pid,
		    strerror(-watched->err));
	if (state == WATCHED_REPLACED)
		say("process %d now runs another program (exec): attach again to watch that",
		    watched->target->pid);
}

/* What becomes of one process is not to keep us from the others. */
static void note(struct watch *watch, struct watched *watched, int err)
{
	if (!err)
		return;
	if (err != -EINTR)
		watch->result = err;
	watched->err = err;
}

/* Its last interval, its summary and its files; frees it. */
static void finish(struct watch *watch, size_t i, bool with_rest)
{
	struct watched *watched = watch->list[i];
	int err = 0, written;

	interrupt__at_others();
	if (with_rest && watched__state(watched) != WATCHED_REPLACED && !watched->err)
		note(watch, watched, show_interval(watch, watched));
	say_ending(watched);
	err = watched__summarise(watched);
	interrupt__at_own();
	if (!err && watch->view->summary && !watched->target->foreign)
		watch->view->summary(watch->out, &watched->report);
	fflush(watch->out);
	written = watched__write(watched, watch->several, watch->options->json ? NULL : watch->out);
	if (written)
		watch->result = written;
	if (watch->screen)
		screen__forget(watch->screen, watched->target->pid);
	watched__free(watched);
	watch->list[i] = watch->list[--watch->count];
	if (watch->count)
		share_hz(watch);
}

static void finish_ended(struct watch *watch)
{
	for (size_t i = watch->count; i-- > 0;) {
		if (watched__state(watch->list[i]) != WATCHED_RUNS)
			finish(watch, i, true);
	}
}

/* --- the loop -------------------------------------------------------------------------------- */

static double monotonic(void)
{
	return (double)clock__mono_ns() / 1e9;
}

/* Whether it is over; `end` is the time to stop at, 0 for none. */
static bool is_over(struct watch *watch, double end)
{
	if (watch->asked_to_stop || interrupt__asked() || (!watch->count && !watch->find))
		return true;
	if (watch->options->count && watch->reports >= watch->options->count)
		return true;
	return end > 0 && monotonic() >= end;
}

/* Stacks of CPU samples wake nobody: they are looked for as often as this. */
static double next_wake(const struct watch *watch, double until)
{
	const double look = monotonic() + LOOK_SECONDS;

	if (watch->options->flame.kinds & 1u << FLAME_CPU && look < until)
		until = look;
	for (size_t i = 0; i < watch->count; i++) {
		uint64_t tick = session__next_tick_ns(watch->list[i]->session);

		if (tick != UINT64_MAX && (double)tick / 1e9 < until)
			until = (double)tick / 1e9;
	}
	return until;
}

/* Waits for events, but not beyond `until`. */
static int wait_for(struct watch *watch, double until)
{
	double left = next_wake(watch, until) - monotonic();
	size_t count = 0;

	watch->fds[count++] = (struct pollfd){interrupt__fd(), POLLIN, 0};
	if (watch->screen)
		watch->fds[count++] = (struct pollfd){STDIN_FILENO, POLLIN, 0};
	for (size_t i = 0; i < watch->count; i++) {
		count += session__fds(watch->list[i]->session, watch->fds + count);
		watch->fds[count++] = (struct pollfd){watch->list[i]->target->pidfd, POLLIN, 0};
	}
	if (poll(watch->fds, count, left > 0 ? (int)(left * 1000) + 1 : 0) < 0 && errno != EINTR)
		return -errno;
	if (watch->screen && screen__keys(watch->screen) == SCREEN_QUIT)
		watch->asked_to_stop = true;
	for (size_t i = 0; i < watch->count; i++) {
		int err = session__tick(watch->list[i]->session);

		note(watch, watch->list[i], err ? err : session__consume(watch->list[i]->session));
	}
	return 0;
}

/* The end of an interval: a report of each process, and a look for new ones. */
static int next_interval(struct watch *watch)
{
	int err = 0;

	for (size_t i = 0; i < watch->count && !interrupt__asked(); i++)
		note(watch, watch->list[i], show_interval(watch, watch->list[i]));
	watch->reports++;
	if (!err && watch->find && !interrupt__asked())
		err = find__scan(watch->find, add_found, watch);
	return err;
}

/* Whether what remains since the last report is worth another. */
static bool has_rest(const struct watch *watch, double since_last)
{
	if (watch->options->count && watch->reports >= watch->options->count)
		return false;
	return !watch->reports || since_last >= 0.1 * watch->options->interval;
}

int watch__run(struct watch *watch)
{
	const double interval = watch->options->interval;
	const double begin = monotonic();
	const double end = watch->options->duration > 0 ? begin + watch->options->duration : 0;
	double last = begin, next = begin + interval;
	int err = 0;
	bool rest;

	while (!err && !is_over(watch, end)) {
		err = wait_for(watch, end > 0 && end < next ? end : next);
		if (!err)
			finish_ended(watch);
		if (err || monotonic() < next)
			continue;
		err = next_interval(watch);
		last = monotonic();
		while (next <= last)
			next += interval;
	}
	rest = has_rest(watch, monotonic() - last);
	while (watch->count)
		finish(watch, watch->count - 1, rest);
	interrupt__at_own();
	leave_screen(watch);
	if (err)
		say("stopped: %s", strerror(-err));
	return err ? err : watch->result;
}
