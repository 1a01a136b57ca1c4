/* SPDX-License-Identifier: MIT */
#include "tools/attach/alloc.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stddef.h>

#include "alloc.skel.h"
#include "tools/attach/attach.h"
#include "tools/attach/feed.h"
#include "tools/attach/uprobe.h"

struct attach_alloc {
	struct attach base;
	struct feed feed;
	enum unwind_mode mode;
	alloc_fn on_sample;
	void *context;
	struct alloc_bpf *bpf;
	struct uprobe *probe;
	struct uprobe *free_probe; /* NULL unless frees are wanted */
	bool wants_frees;
	alloc_filter_fn is_wanted; /* NULL: all are */
	const void *filter;        /* its context */
};

static const size_t headless = offsetof(struct hak_sample_event, stack);
static const size_t header = offsetof(struct hak_sample_event, stack.slice);

static int on_event(void *context, void *data, size_t size)
{
	const struct hak_sample_event *event = data;
	struct attach_alloc *attach = context;
	size_t wanted = 0;

	if (size >= headless && event->kind == HAK_SAMPLE_FREE)
		wanted = headless;
	else if (size >= header && event->kind == HAK_SAMPLE_ALLOC &&
	         event->stack.bytes <= size - header)
		wanted = header + event->stack.bytes;
	if (!wanted || (event->kind == HAK_SAMPLE_ALLOC && attach->is_wanted &&
	                !attach->is_wanted(attach->filter, event)))
		return 0;
	return feed__push(&attach->feed, event, wanted);
}

/* In the queue's thread. */
int attach_alloc__handle(struct attach_alloc *attach, const struct hak_sample_event *event)
{
	return feed__answer(&attach->feed, event->tid, &event->stack,
	                    attach->on_sample(attach->context, event));
}

/* --- life ------------------------------------------------------------------------------------- */

static struct bpf_object_skeleton *open_program(struct attach *base, const struct attach_whom *whom)
{
	struct attach_alloc *attach = (struct attach_alloc *)base;

	attach->bpf = alloc_bpf__open();
	if (!attach->bpf)
		return NULL;
	attach__aim(attach->bpf, whom);
	attach->bpf->rodata->hak_frame_pointers = attach->mode == UNWIND_FP;
	uprobe__prepare(attach->bpf->progs.on_alloc);
	uprobe__prepare(attach->bpf->progs.on_free);
	return attach->bpf->skeleton;
}

static int attach_probes(struct attach *base)
{
	struct attach_alloc *attach = (struct attach_alloc *)base;
	const struct target *target = base->target;
	int err;

	feed__begin(&attach->feed, attach->bpf->maps.deep, &attach->bpf->data->hak_pages);
	err = attach__make_ring(base, attach->bpf->maps.samples, on_event);
	if (err)
		return err;
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

static void detach(struct attach *base)
{
	struct attach_alloc *attach = (struct attach_alloc *)base;

	uprobe__detach(attach->probe);
	uprobe__detach(attach->free_probe);
}

static void destroy(struct attach *base)
{
	alloc_bpf__destroy(((struct attach_alloc *)base)->bpf);
}

static const struct attach_kind kind = {
        "alloc", "samples'", open_program, attach_probes, detach, destroy,
};

struct attach_alloc *attach_alloc__new(struct attachments *all, const struct target *target,
                                       enum unwind_mode mode, struct event_queue *queue,
                                       alloc_fn on_sample, void *context)
{
	struct attach_alloc *attach = attach__new(all, &kind, sizeof(*attach), target);

	if (!attach)
		return NULL;
	attach->mode = mode;
	attach->feed.queue = queue;
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

struct hak_counters attach_alloc__counters(const struct attach_alloc *attach)
{
	return attach ? feed__counters(&attach->feed, &attach->bpf->bss->hak_counters)
	              : (struct hak_counters){0};
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
