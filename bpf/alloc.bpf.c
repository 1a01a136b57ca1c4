// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * otel_memory:alloc: registers and a slice of user stack of a sampled allocation, for unwinding in
 * user space; or, with hak_frame_pointers, the frames that the kernel finds by frame pointers. And
 * otel_memory:free, which needs no stack.
 */
#include "vmlinux.h"
#include "hak.bpf.h"
#include "slice.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} samples SEC(".maps");

/*
 * The governor's lever: of HAK_KEEP_ALL samples so many are kept, at random and independently, and
 * their weights grow by as much; what is left out costs the trap alone. Set at any time.
 */
__u32 hak_keep = HAK_KEEP_ALL;
__u64 hak_thinned = 0; /* samples left out */

enum {
	HEADER = __builtin_offsetof(struct hak_sample_event, stack.slice),
};

static __always_inline void fill(struct hak_sample_event *event, const struct pt_regs *ctx,
                                 const struct bpf_pidns_info *id, __u64 now, const __u64 *arguments)
{
	event->kind = HAK_SAMPLE_ALLOC;
	event->pid = id->tgid;
	event->tid = id->pid;
	event->reserved = 0;
	event->time_ns = now;
	event->ptr = arguments[0];
	event->size = arguments[1];
	event->weighted_bytes = arguments[2];
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	copy_regs(event->stack.regs, ctx);
}

/* One event; `pages` is a constant at every call, so that the ring holds no more than needed. */
static __always_inline void send(struct pt_regs *ctx, const struct bpf_pidns_info *id, __u64 now,
                                 const __u64 *arguments, int pages)
{
	struct hak_sample_event *event = hak_reserve(&samples, HEADER + pages * PAGE);

	if (!event)
		return;
	fill(event, ctx, id, now, arguments);
	event->stack.frames = 0;
	event->stack.bytes = copy_stack(event->stack.slice, ctx->sp, pages);
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void send_frames(struct pt_regs *ctx, const struct bpf_pidns_info *id,
                                        __u64 now, const __u64 *arguments)
{
	struct hak_sample_event *event = hak_reserve(&samples, HEADER + FRAMES_BYTES);

	if (!event)
		return;
	fill(event, ctx, id, now, arguments);
	copy_frames(&event->stack, ctx);
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void send_slice(struct pt_regs *ctx, const struct bpf_pidns_info *id,
                                       __u64 now, const __u64 *arguments)
{
	__u32 pages = stack_pages(ctx->sp, pages_of(id->pid));

	hak_send_slice(pages, send, ctx, id, now, arguments);
}

/* The probes' arguments stand in rdi, rsi and rdx (docs/probes.md), so plain uprobes will do. */
SEC("uprobe")
int on_alloc(struct pt_regs *ctx)
{
	__u64 arguments[3] = {ctx->di, ctx->si, ctx->dx};
	__u64 start = bpf_ktime_get_ns();
	struct bpf_pidns_info id = {};
	__u32 keep = hak_keep;

	if (!hak_is_target(&id))
		return 0;
	if (keep < HAK_KEEP_ALL) {
		if ((bpf_get_prandom_u32() & (HAK_KEEP_ALL - 1)) >= keep) {
			__sync_fetch_and_add(&hak_thinned, 1);
			hak_count_hit(start);
			return 0;
		}
		arguments[2] = arguments[2] * HAK_KEEP_ALL / keep;
	}
	if (hak_frame_pointers)
		send_frames(ctx, &id, start, arguments);
	else
		send_slice(ctx, &id, start, arguments);
	hak_count_hit(start);
	return 0;
}

/* Goes into the same ring, so that a block's free comes behind its allocation. */
SEC("uprobe")
int on_free(struct pt_regs *ctx)
{
	__u64 start = bpf_ktime_get_ns();
	struct bpf_pidns_info id = {};
	struct hak_sample_event *event;

	if (!hak_is_target(&id))
		return 0;
	event = hak_reserve(&samples, __builtin_offsetof(struct hak_sample_event, stack));
	if (event) {
		event->kind = HAK_SAMPLE_FREE;
		event->pid = id.tgid;
		event->tid = id.pid;
		event->reserved = 0;
		event->time_ns = start;
		event->ptr = ctx->di;
		event->size = 0;
		event->weighted_bytes = 0;
		bpf_ringbuf_submit(event, 0);
	}
	hak_count_hit(start);
	return 0;
}
