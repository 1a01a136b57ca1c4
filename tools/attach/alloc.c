/* SPDX-License-Identifier: MIT */
#include "tools/attach/alloc.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "alloc.skel.h"
#include "tools/attach/attach.h"
#include "tools/attach/event_queue.h"
#include "tools/attach/slices.h"
#include "tools/attach/uprobe.h"

struct attach_alloc {
	const struct target *target;
	enum unwind_mode mode;
	alloc_fn on_sample;
	void *context;
	struct alloc_bpf *bpf;
	struct uprobe *probe;
	struct uprobe *free_probe; /* NULL unless frees are wanted */
	bool wants_frees;
	alloc_filter_fn is_wanted; /* NULL: all are */
	const void *filter;        /* its context */
	struct ring_buffer *ring;
	struct event_queue *queue;
	uint64_t dropped; /* by the queue */
	struct slices slices;
};

static const size_t headless = offsetof(struct hak_sample_event, stack);
static const size_t header = offsetof(struct hak_sample_event, stack.slice);

static int on_event(void *context, void *data, size_t size)
{
	const struct hak_sample_event *event = data;
	struct attach_alloc *attach = context;

	size_t wanted = 0;
	int result;

	if (size >= headless && event->kind == HAK_SAMPLE_FREE)
		wanted = headless;
	else if (size >= header && event->kind == HAK_SAMPLE_ALLOC &&
	         event->stack.bytes <= size - header)
		wanted = header + event->stack.bytes;
	if (!wanted || (event->kind == HAK_SAMPLE_ALLOC && attach->is_wanted &&
	                !attach->is_wanted(attach->filter, event)))
		return 0;
	result = event_queue__push(attach->queue, event, wanted);
	attach->dropped += result > 0;
	return result < 0 ? result : 0;
}

/* In the queue's thread. */
int attach_alloc__handle(struct attach_alloc *attach, const struct hak_sample_event *event)
{
	int result = attach->on_sample(attach->context, event);

	if (result > 0)
		slices__lengthen(&attach->slices, event->tid, &event->stack, (uint64_t)result);
	return result < 0 ? result : 0;
}

struct attach_alloc *attach_alloc__new(const struct target *target, enum unwind_mode mode,
                                       struct event_queue *queue, alloc_fn on_sample, void *context)
{
	struct attach_alloc *attach = calloc(1, sizeof(*attach));

	if (!attach)
		return NULL;
	attach->target = target;
	attach->mode = mode;
	attach->queue = queue;
	attach->on_sample = on_sample;
	attach->context = context;
	return attach;
}

void attach_alloc__want_frees(struct attach_alloc *attach)
{
	attach->wants_frees = true;
}

void attach_alloc__set_filter(struct attach_alloc *attach, alloc_filter_fn is_wanted,
                              const void *context)
{
	attach->is_wanted = is_wanted;
	attach->filter = context;
}

int attach_alloc__prepare(struct attach_alloc *attach)
{
	uint64_t device, inode;
	int err;

	attach->bpf = alloc_bpf__open();
	if (!attach->bpf)
		return attach__failed("open the alloc program", -errno);
	err = attach__namespace(&device, &inode);
	if (err)
		return attach__failed("find the pid namespace", err);
	attach->bpf->rodata->hak_pid = (hak_u32)attach->target->pid;
	attach->bpf->rodata->hak_ns_dev = device;
	attach->bpf->rodata->hak_ns_ino = inode;
	attach->bpf->rodata->hak_frame_pointers = attach->mode == UNWIND_FP;
	uprobe__prepare(attach->bpf->progs.on_alloc);
	uprobe__prepare(attach->bpf->progs.on_free);
	return 0;
}

int attach_alloc__load(struct attach_alloc *attach)
{
	int err = alloc_bpf__load(attach->bpf);

	return err ? attach__failed("load the alloc program", err) : 0;
}

int attach_alloc__attach(struct attach_alloc *attach)
{
	const struct target *target = attach->target;

	attach->slices.deep = bpf_map__fd(attach->bpf->maps.deep);
	attach->slices.pages = &attach->bpf->data->hak_pages;
	attach->ring =
	        ring_buffer__new(bpf_map__fd(attach->bpf->maps.samples), on_event, attach, NULL);
	if (!attach->ring)
		return attach__failed("map the samples' ring buffer", -errno);
	/* First, so that no sampled block is freed unseen. */
	if (attach->wants_frees) {
		attach->free_probe =
		        uprobe__attach(attach->bpf->progs.on_free, target->pid, target->path,
		                       target->object, "otel_memory", "free");
		if (!attach->free_probe)
			return attach__failed_uprobe("attach to otel_memory:free", -errno);
	}
	attach->probe = uprobe__attach(attach->bpf->progs.on_alloc, target->pid, target->path,
	                               target->object, "otel_memory", "alloc");
	return attach->probe ? 0 : attach__failed_uprobe("attach to otel_memory:alloc", -errno);
}

void attach_alloc__free(struct attach_alloc *attach)
{
	if (!attach)
		return;
	uprobe__detach(attach->probe);
	uprobe__detach(attach->free_probe);
	ring_buffer__free(attach->ring);
	alloc_bpf__destroy(attach->bpf);
	free(attach);
}

int attach_alloc__fd(const struct attach_alloc *attach)
{
	return ring_buffer__epoll_fd(attach->ring);
}

int attach_alloc__consume(struct attach_alloc *attach)
{
	int err = ring_buffer__consume(attach->ring);

	return err < 0 ? err : 0;
}

struct hak_counters attach_alloc__counters(const struct attach_alloc *attach)
{
	struct hak_counters counters;

	if (!attach)
		return (struct hak_counters){0};
	counters = attach->bpf->bss->hak_counters;
	counters.lost += attach->dropped;
	return counters;
}

void attach_alloc__set_keep(struct attach_alloc *attach, double share)
{
	double keep = share * HAK_KEEP_ALL;

	attach->bpf->data->hak_keep = keep < 1              ? 1
	                              : keep > HAK_KEEP_ALL ? HAK_KEEP_ALL
	                                                    : (hak_u32)keep;
}

uint64_t attach_alloc__thinned(const struct attach_alloc *attach)
{
	return attach ? attach->bpf->bss->hak_thinned : 0;
}
