/* SPDX-License-Identifier: MIT */
#include "tools/attach/cost.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cost.skel.h"
#include "tools/attach/attach.h"
#include "tools/attach/feed.h"

enum { BATCH = 1024 };

struct attach_cost {
	struct attach base;
	struct feed feed;
	struct cost_bpf *bpf;
	struct bpf_link **links; /* one per CPU */
	int *events;             /* their perf events, owned by the links */
	int cpus;
	bool cycles;
	unsigned hz;
	cpu_fn on_stack; /* NULL: no stacks wanted */
	void *context;
	enum unwind_mode mode;
	struct hak_ip_key keys[BATCH];
	struct hak_ip_count counts[BATCH];
};

void attach_cost__want_stacks(struct attach_cost *attach, enum unwind_mode mode,
                              struct event_queue *queue, cpu_fn on_sample, void *context)
{
	attach->mode = mode;
	attach->feed.queue = queue;
	attach->on_stack = on_sample;
	attach->context = context;
}

static int on_event(void *context, void *data, size_t size)
{
	const size_t header = offsetof(struct hak_cpu_event, stack.slice);
	const struct hak_cpu_event *event = data;
	struct attach_cost *attach = context;

	if (size < header || event->kind != HAK_SAMPLE_CPU || event->stack.bytes > size - header)
		return 0;
	return feed__push(&attach->feed, event, header + event->stack.bytes);
}

/* In the queue's thread. */
int attach_cost__handle(struct attach_cost *attach, const struct hak_cpu_event *event)
{
	return feed__answer(&attach->feed, event->tid, &event->stack,
	                    attach->on_stack(attach->context, event));
}

/* --- perf events ------------------------------------------------------------------------------ */

static int open_event(const struct attach_cost *attach, int cpu, bool cycles)
{
	struct perf_event_attr attr = {
	        .type = cycles ? PERF_TYPE_HARDWARE : PERF_TYPE_SOFTWARE,
	        .size = sizeof(attr),
	        .config = cycles ? (uint64_t)PERF_COUNT_HW_CPU_CYCLES
	                         : (uint64_t)PERF_COUNT_SW_CPU_CLOCK,
	        .freq = 1,
	        .sample_freq = attach->hz,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Cycles where there is a PMU that we may use, else the clock. */
static bool has_cycles(const struct attach_cost *attach)
{
	int fd = open_event(attach, 0, true);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static int attach_cpu(struct attach_cost *attach, int cpu)
{
	int fd = open_event(attach, cpu, attach->cycles);

	if (fd < 0)
		return fd;
	/* From here on the link owns fd. */
	attach->links[attach->cpus] =
	        bpf_program__attach_perf_event(attach->bpf->progs.on_sample, fd);
	if (!attach->links[attach->cpus]) {
		int err = -errno;

		close(fd);
		return err;
	}
	attach->events[attach->cpus++] = fd;
	return 0;
}

/* A clock event has turned its frequency into a period when it was opened; others adapt to it. */
int attach_cost__set_hz(struct attach_cost *attach, unsigned hz)
{
	uint64_t value = attach->cycles ? hz : 1000000000u / hz;

	if (hz == attach->hz)
		return 0;
	for (int i = 0; i < attach->cpus; i++) {
		if (ioctl(attach->events[i], PERF_EVENT_IOC_PERIOD, &value))
			return -errno;
	}
	attach->hz = hz;
	return 0;
}

unsigned attach_cost__hz(const struct attach_cost *attach)
{
	return attach->hz;
}

static int attach_cpus(struct attach_cost *attach)
{
	int possible = libbpf_num_possible_cpus();
	int err;

	if (possible < 0)
		return attach__failed("count the CPUs", possible);
	attach->links = calloc((size_t)possible, sizeof(*attach->links));
	attach->events = calloc((size_t)possible, sizeof(*attach->events));
	if (!attach->links || !attach->events)
		return -ENOMEM;
	attach->cycles = has_cycles(attach);
	for (int cpu = 0; cpu < possible; cpu++) {
		err = attach_cpu(attach, cpu);
		/* A CPU that is not online has no events. */
		if (err && err != -ENODEV && err != -ENXIO)
			return attach__failed("sample instruction pointers (perf_event_open)", err);
	}
	return attach->cpus ? 0 : attach__failed("sample any CPU", -ENODEV);
}

/* --- life ------------------------------------------------------------------------------------- */

static struct bpf_object_skeleton *open_program(struct attach *base, const struct attach_whom *whom)
{
	struct attach_cost *attach = (struct attach_cost *)base;

	attach->bpf = cost_bpf__open();
	if (!attach->bpf)
		return NULL;
	attach__aim(attach->bpf, whom);
	attach->bpf->rodata->hak_text_start = base->target->text_start;
	attach->bpf->rodata->hak_text_end = base->target->text_end;
	attach->bpf->rodata->hak_wants_stacks = attach->on_stack != NULL;
	attach->bpf->rodata->hak_frame_pointers = attach->mode == UNWIND_FP;
	if (!attach->on_stack)
		bpf_map__set_max_entries(attach->bpf->maps.stacks, (uint32_t)getpagesize());
	return attach->bpf->skeleton;
}

static int attach_events(struct attach *base)
{
	struct attach_cost *attach = (struct attach_cost *)base;
	int err = 0;

	if (attach->on_stack) {
		feed__begin(&attach->feed, attach->bpf->maps.deep, &attach->bpf->data->hak_pages);
		err = attach__make_ring(base, attach->bpf->maps.stacks, on_event);
	}
	return err ? err : attach_cpus(attach);
}

static void detach(struct attach *base)
{
	struct attach_cost *attach = (struct attach_cost *)base;

	for (int i = 0; i < attach->cpus; i++)
		bpf_link__destroy(attach->links[i]);
}

static void destroy(struct attach *base)
{
	struct attach_cost *attach = (struct attach_cost *)base;

	free(attach->links);
	free(attach->events);
	cost_bpf__destroy(attach->bpf);
}

static const struct attach_kind kind = {
        "cost", "stacks'", open_program, attach_events, detach, destroy,
};

struct attach_cost *attach_cost__new(struct attachments *all, const struct target *target,
                                     unsigned hz)
{
	struct attach_cost *attach = attach__new(all, &kind, sizeof(*attach), target);

	if (attach)
		attach->hz = hz;
	return attach;
}

/* --- what was sampled ------------------------------------------------------------------------- */

int attach_cost__drain(struct attach_cost *attach, struct cost *cost)
{
	int fd = bpf_map__fd(attach->bpf->maps.ips);
	uint64_t batch = 0;
	bool first = true;
	int err = 0, done;

	do {
		uint32_t count = BATCH;

		done = bpf_map_lookup_and_delete_batch(fd, first ? NULL : &batch, &batch,
		                                       attach->keys, attach->counts, &count, NULL);
		if (done && done != -ENOENT)
			return done;
		for (uint32_t i = 0; i < count && !err; i++)
			err = cost__add(cost, &attach->keys[i], &attach->counts[i]);
		first = false;
	} while (!done && !err);
	return err;
}

const char *attach_cost__event(const struct attach_cost *attach)
{
	return attach->cycles ? "cycles" : "cpu-clock";
}

int attach_cost__cpus(const struct attach_cost *attach)
{
	return attach->cpus;
}

struct hak_counters attach_cost__counters(const struct attach_cost *attach)
{
	return attach ? feed__counters(&attach->feed, &attach->bpf->bss->hak_counters)
	              : (struct hak_counters){0};
}
