/* SPDX-License-Identifier: MIT */
#include "tools/attach/latency.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "latency.skel.h"
#include "tools/attach/attach.h"
#include "tools/attach/feed.h"
#include "tools/attach/selftest.h"
#include "tools/attach/uprobe.h"
#include "tools/base/clock.h"

/*
 * Long enough for thousands of visits of a busy target and to dwarf the attaching (about a
 * millisecond); short enough that several fit into an interval at a share of a few percent.
 */
enum { WINDOW_NS = 5000000, CALIBRATION_VISITS = 2000, WINDOW_STACKS = 64 };

struct attach_latency {
	struct attach base;
	struct feed feed;
	struct latency_bpf *bpf;
	struct uprobe *begin;
	struct uprobe *end;
	pthread_t threads[2]; /* that are detaching */
	int detaching;
	double share;
	uint64_t opened_ns; /* of the window; 0 while closed */
	uint64_t open_ns;   /* of all closed windows */
	uint64_t next_ns;
	enum hak_route route; /* whose stacks are wanted; HAK_ROUTE_COUNT none */
	enum unwind_mode mode;
	route_fn on_stack;
	void *context;
	double keep;     /* the share of stacks taken within a window */
	uint64_t passed; /* visits by the route, up to the last window */
	bool untimed;    /* only the route is followed */
};

/* --- stacks of a route ----------------------------------------------------------------------- */

void attach_latency__want_route(struct attach_latency *attach, enum hak_route route,
                                enum unwind_mode mode, struct event_queue *queue,
                                route_fn on_sample, void *context)
{
	attach->route = route;
	attach->mode = mode;
	attach->feed.queue = queue;
	attach->on_stack = on_sample;
	attach->context = context;
}

void attach_latency__know_classes(struct attach_latency *attach, const uint64_t *sizes, int only)
{
	for (int i = 0; i < HAK_CLASS_COUNT; i++)
		attach->bpf->bss->hak_class_size[i] = sizes[i];
	attach->bpf->data->hak_only_class = only < 0 ? UINT32_MAX : (uint32_t)only;
}

void attach_latency__skip_times(struct attach_latency *attach)
{
	attach->untimed = true;
}

/* The next window's share, by what has passed in this one. */
static void adapt_keep(struct attach_latency *attach)
{
	uint64_t passed = attach->bpf->bss->hak_passed - attach->passed;

	attach->passed += passed;
	if ((double)passed > WINDOW_STACKS)
		attach->keep = WINDOW_STACKS / (double)passed;
	else
		attach->keep = attach->keep < 0.25 ? 4 * attach->keep : 1;
}

static int on_event(void *context, void *data, size_t size)
{
	const size_t header = offsetof(struct hak_sample_event, stack.slice);
	const struct hak_sample_event *event = data;
	struct attach_latency *attach = context;

	if (size < header || event->kind != HAK_SAMPLE_ROUTE || event->stack.bytes > size - header)
		return 0;
	return feed__push(&attach->feed, event, header + event->stack.bytes);
}

/* In the queue's thread. */
int attach_latency__handle(struct attach_latency *attach, const struct hak_sample_event *event)
{
	return feed__answer(&attach->feed, event->tid, &event->stack,
	                    attach->on_stack(attach->context, event));
}

/*
 * What a stack of the window that opens now stands for: of the visits within windows, which all
 * count alike. How many there are between windows is known exactly, in the end.
 */
static void begin_taking(struct attach_latency *attach)
{
	double keep = attach->keep * HAK_KEEP_ALL;

	attach->bpf->data->hak_keep = keep < 1 ? 1 : (hak_u32)keep;
	attach->bpf->data->hak_stands_for = (uint64_t)lround(1 / attach->keep);
	attach->bpf->data->hak_taken_from_ns = attach->opened_ns;
}

/* --- histograms ------------------------------------------------------------------------------- */

static struct latency_bpf *open_on(const struct attach_whom *whom)
{
	struct latency_bpf *bpf = latency_bpf__open();

	if (!bpf)
		return NULL;
	attach__aim(bpf, whom);
	uprobe__prepare(bpf->progs.on_begin);
	uprobe__prepare(bpf->progs.on_end);
	return bpf;
}

static void add_cell(struct hak_latency *to, const struct hak_latency *from)
{
	to->visits += from->visits;
	to->sum_ns += from->sum_ns;
	if (from->least_ns && (!to->least_ns || from->least_ns < to->least_ns))
		to->least_ns = from->least_ns;
	for (int i = 0; i < HAK_LATENCY_BUCKETS; i++)
		to->buckets[i] += from->buckets[i];
}

static int read_histograms(const struct latency_bpf *bpf, struct latency *latency)
{
	int cpus = libbpf_num_possible_cpus(), err = 0;
	struct hak_latency *cells;

	memset(latency, 0, sizeof(*latency));
	latency->bias_ns = bpf->bss->hak_bias_ns;
	cells = cpus > 0 ? calloc((size_t)cpus, sizeof(*cells)) : NULL;
	if (!cells)
		return -ENOMEM;
	for (uint32_t i = 0; i < HAK_LATENCY_CELLS && !err; i++) {
		err = bpf_map_lookup_elem(bpf_map__fd(bpf->maps.histograms), &i, cells);
		for (int cpu = 0; cpu < cpus && !err; cpu++)
			add_cell(&latency->cells[i], &cells[cpu]);
	}
	free(cells);
	return err;
}

/* The kernel takes the probe away at once, but the call returns 100 ms later. */
static void *detach(void *probe)
{
	uprobe__detach(probe);
	return NULL;
}

/* Waits for the detaching of the last window. */
static void finish_detaching(struct attach_latency *attach)
{
	while (attach->detaching)
		pthread_join(attach->threads[--attach->detaching], NULL);
}

/* Both at the same time: a probe without the other one costs and tells nothing. */
static void start_detaching(struct attach_latency *attach, struct uprobe *probe)
{
	if (probe && !pthread_create(&attach->threads[attach->detaching], NULL, detach, probe))
		attach->detaching++;
	else
		uprobe__detach(probe);
}

/* --- what the probes themselves take --------------------------------------------------------- */

/* The shortest of visits in which nothing happens, so that never too much is subtracted. */
static int time_nothing(struct latency_bpf *bpf, uint64_t *shortest)
{
	const struct hak_latency *cell;
	struct latency nothing;
	int err;

	for (int i = 0; i < CALIBRATION_VISITS; i++) {
		selftest__begin(HAK_LATENCY_MALLOC);
		selftest__end(HAK_ROUTE_MAGAZINE);
	}
	err = read_histograms(bpf, &nothing);
	cell = latency__cell(&nothing, HAK_LATENCY_MALLOC, HAK_ROUTE_MAGAZINE);
	*shortest = !err && cell->least_ns ? cell->least_ns - 1 : 0;
	return err;
}

/*
 * Between the two clocks of a visit lie the way out of one trap and into the next. We measure that
 * on ourselves, on sites like the library's.
 */
static int calibrate(struct attach_latency *attach)
{
	const struct object_site begin_site = {.address = selftest__begin_offset()};
	const struct object_site end_site = {.address = selftest__end_offset()};
	struct uprobe *begin = NULL, *end = NULL;
	struct latency_bpf *bpf = NULL;
	struct attach_whom ourselves;
	uint64_t shortest = 0;
	int err;

	err = attach__whom(&ourselves, getpid());
	if (!err)
		bpf = open_on(&ourselves);
	if (!err)
		err = bpf ? latency_bpf__load(bpf) : -errno;
	if (err)
		goto out;
	begin = uprobe__attach_sites(bpf->progs.on_begin, getpid(), "/proc/self/exe", &begin_site,
	                             1);
	if (begin)
		end = uprobe__attach_sites(bpf->progs.on_end, getpid(), "/proc/self/exe", &end_site,
		                           1);
	err = begin && end ? time_nothing(bpf, &shortest) : -errno;
	attach->bpf->bss->hak_bias_ns = shortest;
out:
	start_detaching(attach, begin);
	start_detaching(attach, end);
	finish_detaching(attach);
	latency_bpf__destroy(bpf);
	return err;
}

/* --- windows --------------------------------------------------------------------------------- */

static struct uprobe *attach_site(const struct attach_latency *attach,
                                  const struct bpf_program *program, const char *name)
{
	const struct target *target = attach->base.target;

	return uprobe__attach(program, target->pid, target->path, target->object, "hakmem", name);
}

/* cold_end first: a visit that has a beginning shall find its end. */
static int open_window(struct attach_latency *attach)
{
	finish_detaching(attach);
	attach->end = attach_site(attach, attach->bpf->progs.on_end, "cold_end");
	if (!attach->end)
		return -errno;
	attach->bpf->bss->hak_opened_ns = clock__mono_ns();
	if (!attach->untimed)
		attach->begin = attach_site(attach, attach->bpf->progs.on_begin, "cold_begin");
	if (!attach->begin && !attach->untimed) {
		int err = -errno;

		uprobe__detach(attach->end);
		attach->end = NULL;
		return err;
	}
	attach->opened_ns = clock__mono_ns();
	attach->next_ns = attach->opened_ns + WINDOW_NS;
	begin_taking(attach);
	return 0;
}

static void close_window(struct attach_latency *attach)
{
	double draw = -log(1 - drand48()), gap;
	uint64_t now;

	/* A visit whose end goes unseen must not end in the next window. */
	attach->bpf->bss->hak_opened_ns = attach->bpf->data->hak_taken_from_ns = UINT64_MAX;
	start_detaching(attach, attach->begin);
	start_detaching(attach, attach->end);
	now = clock__mono_ns();
	adapt_keep(attach);
	attach->begin = attach->end = NULL;
	attach->open_ns += now - attach->opened_ns;
	gap = (double)(now - attach->opened_ns) * (1 - attach->share) / attach->share * draw;
	attach->opened_ns = 0;
	attach->next_ns = now + (uint64_t)gap;
}

/* --- life ------------------------------------------------------------------------------------- */

static struct bpf_object_skeleton *open_program(struct attach *base, const struct attach_whom *whom)
{
	struct attach_latency *attach = (struct attach_latency *)base;

	attach->bpf = open_on(whom);
	if (!attach->bpf)
		return NULL;
	attach->bpf->rodata->hak_route = attach->route;
	attach->bpf->rodata->hak_frame_pointers = attach->mode == UNWIND_FP;
	if (attach->route == HAK_ROUTE_COUNT)
		bpf_map__set_max_entries(attach->bpf->maps.stacks, (uint32_t)getpagesize());
	return attach->bpf->skeleton;
}

static int begin_windows(struct attach *base)
{
	struct attach_latency *attach = (struct attach_latency *)base;
	int err = 0;

	if (attach->route != HAK_ROUTE_COUNT) {
		feed__begin(&attach->feed, attach->bpf->maps.deep, &attach->bpf->data->hak_pages);
		err = attach__make_ring(base, attach->bpf->maps.stacks, on_event);
	}
	if (err)
		return err;
	err = attach->untimed ? 0 : calibrate(attach);
	if (err)
		return attach__failed_uprobe("time uprobes on hakprobe itself", err);
	err = open_window(attach);
	return err ? attach__failed_uprobe("attach to hakmem:cold_begin and cold_end", err) : 0;
}

static void end_windows(struct attach *base)
{
	struct attach_latency *attach = (struct attach_latency *)base;

	finish_detaching(attach);
	start_detaching(attach, attach->begin);
	start_detaching(attach, attach->end);
	finish_detaching(attach);
}

static void destroy(struct attach *base)
{
	latency_bpf__destroy(((struct attach_latency *)base)->bpf);
}

static const struct attach_kind kind = {
        "latency", "routes'", open_program, begin_windows, end_windows, destroy,
};

struct attach_latency *attach_latency__new(struct attachments *all, const struct target *target)
{
	struct attach_latency *attach = attach__new(all, &kind, sizeof(*attach), target);

	if (!attach)
		return NULL;
	attach->share = 1;
	attach->route = HAK_ROUTE_COUNT;
	attach->keep = 1.0 / WINDOW_STACKS; /* until the rate is known */
	return attach;
}

/* --- in a watch ------------------------------------------------------------------------------- */

void attach_latency__set_share(struct attach_latency *attach, double share)
{
	attach->share = share;
}

int attach_latency__tick(struct attach_latency *attach)
{
	uint64_t now = clock__mono_ns();

	if (now < attach->next_ns)
		return 0;
	if (!attach->opened_ns) {
		attach->next_ns = now + 10 * WINDOW_NS; /* when it fails */
		return open_window(attach);
	}
	if (attach->share < 1) {
		close_window(attach);
	} else {
		attach->next_ns = now + WINDOW_NS;
		begin_taking(attach);
	}
	return 0;
}

uint64_t attach_latency__next_ns(const struct attach_latency *attach)
{
	return attach->next_ns;
}

int attach_latency__read(const struct attach_latency *attach, struct latency *latency)
{
	memset(latency, 0, sizeof(*latency));
	return attach ? read_histograms(attach->bpf, latency) : 0;
}

uint64_t attach_latency__open_ns(const struct attach_latency *attach)
{
	if (!attach)
		return 0;
	return attach->open_ns + (attach->opened_ns ? clock__mono_ns() - attach->opened_ns : 0);
}

struct hak_counters attach_latency__counters(const struct attach_latency *attach)
{
	return attach ? feed__counters(&attach->feed, &attach->bpf->bss->hak_counters)
	              : (struct hak_counters){0};
}
