/* SPDX-License-Identifier: MIT */
#include "tools/watch/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tools/attach/alloc.h"
#include "tools/attach/attach.h"
#include "tools/attach/cost.h"
#include "tools/attach/event_queue.h"
#include "tools/attach/latency.h"
#include "tools/attach/tally.h"
#include "tools/base/clock.h"
#include "tools/base/interrupt.h"
#include "tools/base/say.h"
#include "tools/capture/capture.h"
#include "tools/profile/flame.h"
#include "tools/symbols/unwind.h"
#include "tools/target/proc.h"
#include "tools/target/records.h"

enum {
	QUEUE_BYTES = 8 << 20, /* at least 127 of the largest events */
	WARM_UP_MS = 300,      /* hakprobe is to be ready within a second */
	THREADS_TIMES = 2,     /* of the threads that the kernel knows, and so many more: */
	THREADS_SPARE = 256,
	DRAIN_NS = 2000000000, /* the table of instruction pointers must not fill up */
};

/* --- life ------------------------------------------------------------------------------------ */

struct session *session__new(const struct options *options, const struct target *target)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->options = options;
	session->target = target;
	session->attachment.reads = !options->no_read && !target->foreign;
	session->attachment.tally = target->object->has_tally;
	session->attachment.alloc =
	        flame_kinds__need_alloc(options->flame.kinds) && !options__route_is_visits(options);
	session->attachment.cpu = options->flame.kinds & 1u << FLAME_CPU;
	session->attachment.unwind = options->unwind;
	session->attachment.visits = session__follows_visits(session);
	session->attachment.latency = options->latency;
	session->hz = options->hz;
	governor__init(&session->governor, options->ceiling);
	return session;
}

bool session__follows_visits(const struct session *session)
{
	return flame_kinds__need_alloc(session->options->flame.kinds) &&
	       options__route_is_visits(session->options);
}

/* Without libhakmem there are no records, no tallies, and nobody knows the allocator's text. */
static int check_foreign(const struct session *session)
{
	const struct target *target = session->target;

	if (!session->attachment.alloc || session->options->flame.kinds & 1u << FLAME_CPU) {
		say("process %d (%s) does not map libhakmem; it emits otel_memory, so --flame "
		    "alloc, live and temporary are what it can be asked for",
		    target->pid, target->command);
		return -ENOTSUP;
	}
	if (session->options->class >= 0 || session->options->class_size ||
	    session->options->route != HAK_ROUTE_COUNT) {
		say("--class and --route: process %d (%s) does not map libhakmem, so its size "
		    "classes are not known",
		    target->pid, target->command);
		return -ENOTSUP;
	}
	say("process %d does not map libhakmem: no live view figures, only flame graphs from "
	    "otel_memory in %s",
	    target->pid, target->library);
	return 0;
}

/* What the options ask for and the library does not have. */
static int check_library(const struct session *session)
{
	const struct object *object = session->target->object;
	const char *library = session->target->library;

	if (session->attachment.alloc && !object->has_alloc) {
		say("--flame alloc, live and temporary: %s has no probe otel_memory:alloc: use a "
		    "library built with PROBES=1",
		    library);
		return -ENOTSUP;
	}
	if (flame_kinds__need_free(session->options->flame.kinds) && !object->has_free) {
		say("--flame live and temporary: %s has no probe otel_memory:free", library);
		return -ENOTSUP;
	}
	if (session->target->foreign)
		return check_foreign(session);
	if ((session->attachment.latency || session->attachment.visits) && !object->has_cold) {
		say("--latency and --route: %s has no probe hakmem:cold_end: use a library built with PROBES=1",
		    library);
		return -ENOTSUP;
	}
	if (session->options->no_read && !object->has_tally) {
		say("--no-read: %s has no tallies, so its memory must be read", library);
		return -ENOTSUP;
	}
	if (!object->has_tally)
		say("%s was built without probes (no .note.stapsdt): figures come from its "
		    "records; tallies and flame graphs are not available",
		    library);
	return 0;
}

/* The size class of a block for `size` bytes; 0 none, -1 not known yet. */
static int class_of(const struct session *session, uint64_t size)
{
	const uint64_t *class_size = session->ledger.process.class_size;

	if (!session->ledger.has_process)
		return -1;
	for (int i = 1; i < HAK_CLASS_COUNT; i++) {
		if (class_size[i] >= size)
			return i;
	}
	return 0;
}

int session__class(const struct session *session)
{
	const struct options *options = session->options;

	return options->class_size ? class_of(session, options->class_size) : options->class;
}

static bool is_filtered(const struct session *session)
{
	return session->options->class >= 0 || session->options->class_size ||
	       session->options->route != HAK_ROUTE_COUNT;
}

/*
 * Whether a sample counts, in the main thread, whose ledger it is. A sampled block has a place of
 * its own; its class is the one that it would have had otherwise, and its route is then the
 * magazine, but for those that have no class.
 */
static bool is_wanted(const void *context, const struct hak_sample_event *event)
{
	const struct session *session = context;
	int class = class_of(session, event->size), only = session__class(session);
	enum hak_route route = session->options->route;

	return class >= 0 && (only < 0 || class == only) &&
	       (route == HAK_ROUTE_COUNT || (route == HAK_ROUTE_LARGE) == (class == 0));
}

/* In the queue's thread, which alone unwinds. */
static int take_in(void *context, const void *data, size_t size)
{
	struct session *session = context;
	const hak_u32 *kind = data;

	(void)size;
	if (*kind == HAK_SAMPLE_CPU)
		return attach_cost__handle(session->samples, data);
	if (*kind == HAK_SAMPLE_ROUTE)
		return attach_latency__handle(session->latency, data);
	return attach_alloc__handle(session->alloc, data);
}

/* Opens the raw capture's file; its name gets the pid where there may be several processes. */
static int make_capture(struct session *session)
{
	const char *path = session->options->capture;
	int stem = (int)(strlen(path) - strlen(".hak")), err;

	if (session->options->pid_count == 1)
		session->capture_path = strdup(path);
	else if (asprintf(&session->capture_path, "%.*s.%d.hak", stem, path, session->target->pid) <
	         0)
		session->capture_path = NULL;
	if (!session->capture_path)
		return -ENOMEM;
	session->capture = capture_writer__new(session->capture_path);
	if (!session->capture) {
		err = -errno;
		say__written(session->capture_path, err);
		return err;
	}
	flame__set_capture(session->flame, session->capture);
	return 0;
}

static int make_flame(struct session *session)
{
	const struct target *target = session->target;
	const enum unwind_mode mode = session->options->unwind;
	const unsigned kinds = session->options->flame.kinds;
	int err;

	unwinder__set_mode(session->unwinder, mode);
	session->flame = flame__new(target, session->unwinder, &session->options->flame);
	session->queue = event_queue__new(QUEUE_BYTES, take_in, session);
	if (!session->flame || !session->queue)
		return -errno;
	if (kinds & 1u << FLAME_CPU)
		attach_cost__want_stacks(session->samples, mode, session->queue, flame__on_cpu,
		                         session->flame);
	if (session__follows_visits(session))
		attach_latency__want_route(session->latency, session->options->route, mode,
		                           session->queue, flame__on_sample, session->flame);
	unwinder__warm_up(session->unwinder, WARM_UP_MS);
	if (!session->attachment.alloc)
		return 0;
	if (session->options->capture) {
		err = make_capture(session);
		if (err)
			return err;
	}
	session->alloc = attach_alloc__new(&session->attached, target, mode, session->queue,
	                                   flame__on_sample, session->flame);
	if (!session->alloc)
		return -ENOMEM;
	if (flame_kinds__need_free(kinds))
		attach_alloc__want_frees(session->alloc);
	if (is_filtered(session))
		attach_alloc__set_filter(session->alloc, is_wanted, session);
	return 0;
}

/* The attachments in the order in which they attach: that to otel_memory:alloc last, as its slices
 * of stack grow only when the first ones are looked at. */
static int make_parts(struct session *session)
{
	const struct target *target = session->target;
	struct attachments *all = &session->attached;

	session->unwinder = unwinder__new(target->pid);
	if (!session->unwinder && (errno != EACCES || session->options->flame.kinds))
		return -errno;
	if (!session->unwinder)
		say("process %d may be read in part only (CAP_SYS_PTRACE is missing): functions "
		    "outside the library have no names",
		    target->pid);
	session->cost = cost__new(target, session->unwinder);
	if (!session->cost)
		return -ENOMEM;
	if (session->attachment.tally) {
		session->tally = attach_tally__new(all, target, &session->ledger);
		if (!session->tally)
			return -ENOMEM;
	}
	if (!target->foreign) {
		session->samples = attach_cost__new(all, target, session->options->hz);
		if (!session->samples)
			return -ENOMEM;
	}
	if (session->attachment.latency || session->attachment.visits) {
		session->latency = attach_latency__new(all, target);
		if (!session->latency)
			return -ENOMEM;
		if (!session->attachment.latency)
			attach_latency__skip_times(session->latency);
	}
	return session->options->flame.kinds ? make_flame(session) : 0;
}

int session__prepare(struct session *session)
{
	int err;

	err = check_library(session);
	if (err)
		return err;
	err = make_parts(session);
	if (err) {
		say("cannot prepare for process %d: %s", session->target->pid, strerror(-err));
		return err;
	}
	return attachments__prepare(&session->attached);
}

int session__load(struct session *session)
{
	return attachments__load(&session->attached);
}

/* Tallies alone tell them late. */
static void know_classes(struct session *session)
{
	if (session->latency && session->ledger.has_process)
		attach_latency__know_classes(session->latency, session->ledger.process.class_size,
		                             session__class(session));
}

static void begin_latency(struct session *session)
{
	say("%s: the governor watches as many as the ceiling allows",
	    session->attachment.latency
	            ? "--latency: each cold visit that is timed pays two traps, about 2 us"
	            : "--route: each cold visit that is seen pays a trap, about 1 us");
	know_classes(session);
	attach_latency__set_share(session->latency, session->governor.rate[GOVERN_LATENCY]);
}

int session__attach(struct session *session)
{
	struct attachment *attachment = &session->attachment;
	int err;

	/* So that class sizes are known when samples come; a failure shows at the first reading. */
	interrupt__at_others();
	if (attachment->reads)
		records__read(&session->ledger, session->target->pid, session->target->process);
	interrupt__at_own();
	if (session->tally)
		attach_tally__set_reads(session->tally, attachment->reads);
	if (session->latency)
		begin_latency(session);
	err = attachments__attach(&session->attached);
	if (!err)
		err = session__consume(session);
	if (err || !session->samples)
		return err;
	session->drain_ns = clock__mono_ns() + DRAIN_NS;
	attachment->cost_event = attach_cost__event(session->samples);
	attachment->cost_cpus = attach_cost__cpus(session->samples);
	attachment->cost_hz = (int)session->options->hz;
	return 0;
}

void session__free(struct session *session)
{
	if (!session)
		return;
	/* First: its thread uses the others. Where that is still at it, they stay. */
	if (!event_queue__free(session->queue))
		return;
	attachments__free(&session->attached);
	flame__free(session->flame);
	capture_writer__free(session->capture);
	free(session->capture_path);
	cost__free(session->cost);
	unwinder__free(session->unwinder);
	ledger__clear(&session->ledger);
	free(session);
}

/* --- events ---------------------------------------------------------------------------------- */

size_t session__fds(const struct session *session, struct pollfd fds[SESSION_FDS])
{
	return attachments__fds(&session->attached, fds);
}

int session__consume(struct session *session)
{
	return attachments__consume(&session->attached);
}

int session__drain(struct session *session)
{
	return session->queue ? event_queue__drain(session->queue) : 0;
}

/* --- readings -------------------------------------------------------------------------------- */

/* Goes on without reading memory, where tallies can do instead. */
static int do_without_reads(struct session *session)
{
	pid_t pid = session->target->pid;

	if (!session->tally) {
		say("the memory of process %d may not be read (EPERM: CAP_SYS_PTRACE is "
		    "missing), and its libhakmem has no tallies",
		    pid);
		return -EPERM;
	}
	say("the memory of process %d may not be read (EPERM: CAP_SYS_PTRACE is missing): "
	    "figures come from tallies alone, at most 100 ms late",
	    pid);
	session->attachment.reads = false;
	attach_tally__set_reads(session->tally, false);
	return 0;
}

/*
 * Tallies alone do not say which threads have ended; the kernel does. Only when all that these have
 * sent is taken in may they be folded.
 */
static int fold_ended(struct session *session)
{
	bool any = false;
	int err;

	for (size_t i = 0; i < session->ledger.count; i++) {
		struct ledger_thread *thread = &session->ledger.threads[i];

		thread->ended = syscall(SYS_tgkill, session->target->pid, thread->task, 0) < 0 &&
		                errno == ESRCH;
		any |= thread->ended;
	}
	err = any ? session__consume(session) : 0;
	if (!err)
		ledger__fold_ended(&session->ledger);
	return err;
}

static int say_unknown_layout(const struct session *session)
{
	say("process %d: %s keeps records of a layout that this hakprobe does not know: use the "
	    "hakprobe that was built with that library",
	    session->target->pid, session->target->library);
	return -EPROTO;
}

static int say_endless_list(const struct session *session)
{
	say("process %d: its list of threads has more than twice as many as the process: it is not "
	    "one that libhakmem keeps",
	    session->target->pid);
	return -ELOOP;
}

/* Reads the target's records. That they cannot be read because it has ended is no failure. */
static int read_records(struct session *session)
{
	const struct target *target = session->target;
	int err;

	if (!session->attachment.reads) {
		session->replaced = target__was_replaced(target);
		return fold_ended(session);
	}
	err = records__read(&session->ledger, target->pid, target->process);
	if (err == -ENOMEM)
		return err;
	if ((err == -EPERM || err == -EACCES) && !target__has_ended(target))
		return do_without_reads(session);
	if (err == -ELOOP)
		return say_endless_list(session);
	if (err && target__was_replaced(target))
		session->replaced = true;
	else if (err == -EPROTO)
		return say_unknown_layout(session);
	return 0;
}

static void notice_replacement(struct session *session)
{
	uint64_t start_ns = session->ledger.process.start_ns;

	if (!session->ledger.has_process)
		return;
	if (session->process_start_ns && start_ns != session->process_start_ns)
		session->replaced = true;
	session->process_start_ns = start_ns;
}

static void read_own(const struct session *session, struct own_cost *own)
{
	struct proc_stat stat = {0};

	own->tally = attach_tally__counters(session->tally);
	own->alloc = attach_alloc__counters(session->alloc);
	own->cost = attach_cost__counters(session->samples);
	own->latency = attach_latency__counters(session->latency);
	own->latency_open_ns = attach_latency__open_ns(session->latency);
	own->hz = session->samples ? attach_cost__hz(session->samples) : 0;
	own->cpu_ns = clock__ns(CLOCK_PROCESS_CPUTIME_ID);
	if (!proc__stat(&stat, getpid()))
		own->rss = stat.rss;
}

int session__read(struct session *session, struct reading *reading)
{
	int err;

	session->ledger.most = THREADS_TIMES * target__threads(session->target) + THREADS_SPARE;
	err = session__consume(session);
	if (!err)
		err = read_records(session);
	if (!err && session->samples)
		err = attach_cost__drain(session->samples, session->cost);
	if (err)
		return err;
	notice_replacement(session);
	know_classes(session);
	reading__take(reading, session->target, &session->ledger);
	reading->zones = *cost__zones(session->cost);
	read_own(session, &reading->own);
	return attach_latency__read(session->latency, &reading->latency);
}

/* --- the governor ---------------------------------------------------------------------------- */

void session__set_hz(struct session *session, unsigned hz)
{
	session->hz = hz ? hz : 1;
	session__apply_rates(session);
}

void session__apply_rates(struct session *session)
{
	const double *rate = session->governor.rate;
	unsigned hz = (unsigned)(session->hz * rate[GOVERN_TICKS]);

	if (session->samples) {
		attach_cost__set_hz(session->samples, hz ? hz : 1);
		session->attachment.cost_hz = (int)attach_cost__hz(session->samples);
	}
	if (session->alloc)
		attach_alloc__set_keep(session->alloc, rate[GOVERN_STACKS]);
	if (session->latency)
		attach_latency__set_share(session->latency, rate[GOVERN_LATENCY]);
}

void session__govern(struct session *session, const struct report *report)
{
	const struct own_cost *now = &report->now->own, *before = &report->before->own;
	double ran[GOVERNOR_PARTS];

	ran[GOVERN_TICKS] = (double)now->hz / session->hz;
	ran[GOVERN_STACKS] = session->governor.rate[GOVERN_STACKS];
	ran[GOVERN_LATENCY] =
	        (double)(now->latency_open_ns - before->latency_open_ns) / 1e9 / report->seconds;
	governor__update(&session->governor, (double)report->cpu_ns / 1e9 / report->seconds,
	                 report->spent_fixed, report->spent, ran);
	session__apply_rates(session);
}

int session__tick(struct session *session)
{
	int err = session->latency ? attach_latency__tick(session->latency) : 0;
	uint64_t now = clock__mono_ns();

	/* It may be ending just now; that shows soon enough. */
	if (err == -ENOMEM || !session->samples || now < session->drain_ns)
		return err == -ENOMEM ? err : 0;
	session->drain_ns = now + DRAIN_NS;
	return attach_cost__drain(session->samples, session->cost);
}

uint64_t session__next_tick_ns(const struct session *session)
{
	uint64_t next = session->latency ? attach_latency__next_ns(session->latency) : UINT64_MAX;

	return session->samples && session->drain_ns < next ? session->drain_ns : next;
}
