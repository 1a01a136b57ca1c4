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
#include "tools/attach/event_queue.h"
#include "tools/attach/slices.h"

enum { BATCH = 1024 };

struct attach_cost {
	const struct target *target;
	struct cost_bpf *bpf;
	struct bpf_link **links; /* one per CPU */
	int *events;             /* their perf events, owned by the links */
	int cpus;
	bool cycles;
	unsigned hz;
	cpu_fn on_stack; /* NULL: no stacks wanted */
	void *context;
	enum unwind_mode mode;
	struct ring_buffer *ring;
	struct event_queue *queue;
	uint64_t dropped; /* by the queue */
	struct slices slices;
	struct hak_ip_key keys[BATCH];
	struct hak_ip_count counts[BATCH];
};

struct attach_cost *attach_cost__new(const struct target *target, unsigned hz)
{
	struct attach_cost *attach = calloc(1, sizeof(*attach));

	if (!attach)
		return NULL;
	attach->target = target;
	attach->hz = hz;
	return attach;
}

void attach_cost__want_stacks(struct attach_cost *attach, enum unwind_mode mode,
                              struct event_queue *queue, cpu_fn on_sample, void *context)
{
	attach->mode = mode;
	attach->queue = queue;
	attach->on_stack = on_sample;
	attach->context = context;
}

static int on_event(void *context, void *data, size_t size)
{
	const size_t header = offsetof(struct hak_cpu_event, stack.slice);
	const struct hak_cpu_event *event = data;
	struct attach_cost *attach = context;
	int result;

	if (size < header || event->kind != HAK_SAMPLE_CPU || event->stack.bytes > size - header)
		return 0;
	result = event_queue__push(attach->queue, event, header + event->stack.bytes);
	attach->dropped += result > 0;
	return result < 0 ? result : 0;
}

/* In the queue's thread. */
int attach_cost__handle(struct attach_cost *attach, const struct hak_cpu_event *event)
{
	int result = attach->on_stack(attach->context, event);

	if (result > 0)
		slices__lengthen(&attach->slices, event->tid, &event->stack, (uint64_t)result);
	return result < 0 ? result : 0;
}

int attach_cost__prepare(struct attach_cost *attach)
{
	uint64_t device, inode;
	int err;

	attach->bpf = cost_bpf__open();
	if (!attach->bpf)
		return attach__failed("open the cost program", -errno);
	err = attach__namespace(&device, &inode);
	if (err)
		return attach__failed("find the pid namespace", err);
	attach->bpf->rodata->hak_pid = (hak_u32)attach->target->pid;
	attach->bpf->rodata->hak_ns_dev = device;
	attach->bpf->rodata->hak_ns_ino = inode;
	attach->bpf->rodata->hak_text_start = attach->target->text_start;
	attach->bpf->rodata->hak_text_end = attach->target->text_end;
	attach->bpf->rodata->hak_wants_stacks = attach->on_stack != NULL;
	attach->bpf->rodata->hak_frame_pointers = attach->mode == UNWIND_FP;
	if (!attach->on_stack)
		bpf_map__set_max_entries(attach->bpf->maps.stacks, (uint32_t)getpagesize());
	return 0;
}

int attach_cost__load(struct attach_cost *attach)
{
	int err = cost_bpf__load(attach->bpf);

	return err ? attach__failed("load the cost program", err) : 0;
}

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

int attach_cost__attach(struct attach_cost *attach)
{
	int possible = libbpf_num_possible_cpus();
	int err;

	if (possible < 0)
		return attach__failed("count the CPUs", possible);
	if (attach->on_stack) {
		attach->slices.deep = bpf_map__fd(attach->bpf->maps.deep);
		attach->slices.pages = &attach->bpf->data->hak_pages;
		attach->ring = ring_buffer__new(bpf_map__fd(attach->bpf->maps.stacks), on_event,
		                                attach, NULL);
		if (!attach->ring)
			return attach__failed("map the stacks' ring buffer", -errno);
	}
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

void attach_cost__free(struct attach_cost *attach)
{
	if (!attach)
		return;
	for (int i = 0; i < attach->cpus; i++)
		bpf_link__destroy(attach->links[i]);
	free(attach->links);
	free(attach->events);
	ring_buffer__free(attach->ring);
	cost_bpf__destroy(attach->bpf);
	free(attach);
}

int attach_cost__fd(const struct attach_cost *attach)
{
	return attach->ring ? ring_buffer__epoll_fd(attach->ring) : -1;
}

int attach_cost__consume(struct attach_cost *attach)
{
	int err = attach->ring ? ring_buffer__consume(attach->ring) : 0;

	return err < 0 ? err : 0;
}

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
	struct hak_counters counters;

	if (!attach)
		return (struct hak_counters){0};
	counters = attach->bpf->bss->hak_counters;
	counters.lost += attach->dropped;
	return counters;
}
