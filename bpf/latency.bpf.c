// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * hakmem:cold_begin and cold_end: a histogram of how long cold visits take. Two traps for each
 * visit, and what one of them takes lies between the two clocks: user space measures that on itself
 * and has it subtracted. cold_end alone: who takes a route.
 */
#include "vmlinux.h"
#include "hak.bpf.h"
#include "latency.h"
#include "slice.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct begin {
	__u64 ns;
	__u64 operation;
};

/* Visits under way by thread. A thread that is killed within one leaves its entry: so the oldest
 * go. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct begin);
} begins SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HAK_LATENCY_CELLS);
	__type(key, __u32);
	__type(value, struct hak_latency);
} histograms SEC(".maps");

__u64 hak_bias_ns = 0;   /* of the probes themselves; set before the attach */
__u64 hak_opened_ns = 0; /* visits that began before are not complete; set at each attach */

/*
 * Who takes a route: stacks of the visits that end by it, of HAK_KEEP_ALL so many, at random. Only
 * what ends while the window is open for certain, so that the share of time is the share of visits.
 * User space makes the ring small when no stacks are wanted.
 */
const volatile __u32 hak_route = HAK_ROUTE_COUNT;
__u64 hak_taken_from_ns = ~0ull;
__u32 hak_keep = HAK_KEEP_ALL;
__u64 hak_passed = 0;       /* visits by the route, taken or not */
__u64 hak_stands_for = 1;   /* visits that each stack stands for */
__u32 hak_only_class = ~0u; /* and no other; ~0: all */
__u64 hak_class_size[HAK_CLASS_COUNT] = {};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} stacks SEC(".maps");

enum { HEADER = __builtin_offsetof(struct hak_sample_event, stack.slice) };

static __always_inline void fill(struct hak_sample_event *event, const struct pt_regs *ctx,
                                 const struct bpf_pidns_info *id, __u64 now, __u64 bytes)
{
	event->kind = HAK_SAMPLE_ROUTE;
	event->pid = id->tgid;
	event->tid = id->pid;
	event->reserved = 0;
	event->time_ns = now;
	event->ptr = 0;
	event->size = bytes;
	event->weighted_bytes = event->size * hak_stands_for;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	copy_regs(event->stack.regs, ctx);
}

/* One event; `pages` is a constant at every call, so that the ring holds no more than needed. */
static __always_inline void send(struct pt_regs *ctx, const struct bpf_pidns_info *id, __u64 now,
                                 __u64 bytes, int pages)
{
	struct hak_sample_event *event = hak_reserve(&stacks, HEADER + pages * PAGE);

	if (!event)
		return;
	fill(event, ctx, id, now, bytes);
	event->stack.frames = 0;
	event->stack.bytes = copy_stack(event->stack.slice, ctx->sp, pages);
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void send_frames(struct pt_regs *ctx, const struct bpf_pidns_info *id,
                                        __u64 now, __u64 bytes)
{
	struct hak_sample_event *event = hak_reserve(&stacks, HEADER + FRAMES_BYTES);

	if (!event)
		return;
	fill(event, ctx, id, now, bytes);
	copy_frames(&event->stack, ctx);
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void take_stack(struct pt_regs *ctx, const struct bpf_pidns_info *id,
                                       __u64 now)
{
	__u64 class = ctx->si, bytes;
	__u32 pages;

	if (ctx->di != hak_route || now < hak_taken_from_ns ||
	    (hak_only_class != ~0u && class != hak_only_class) || class >= HAK_CLASS_COUNT)
		return;
	bytes = hak_class_size[class];
	if (!bytes) /* not told yet */
		return;
	__sync_fetch_and_add(&hak_passed, 1);
	if ((bpf_get_prandom_u32() & (HAK_KEEP_ALL - 1)) >= hak_keep)
		return;
	if (hak_frame_pointers) {
		send_frames(ctx, id, now, bytes);
	} else {
		pages = stack_pages(ctx->sp, pages_of(id->pid));
		hak_send_slice(pages, send, ctx, id, now, bytes);
	}
}

static __always_inline __u32 bucket_of(__u64 ns)
{
	__u32 bucket = 0;

	for (int shift = 32; shift; shift >>= 1) {
		if (ns >> shift) {
			ns >>= shift;
			bucket += shift;
		}
	}
	return bucket < HAK_LATENCY_BUCKETS ? bucket : HAK_LATENCY_BUCKETS - 1;
}

/* The probes' arguments stand in rdi and rsi (docs/probes.md), so plain uprobes will do. */
SEC("uprobe")
int on_begin(struct pt_regs *ctx)
{
	struct begin begin = {.ns = bpf_ktime_get_ns(), .operation = ctx->di};
	struct bpf_pidns_info id = {};
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	__u64 start = begin.ns;

	if (!hak_is_target(&id))
		return 0;
	hak_count_hit(start);
	begin.ns = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&begins, &thread, &begin, BPF_ANY))
		hak_count_lost();
	return 0;
}

SEC("uprobe")
int on_end(struct pt_regs *ctx)
{
	__u64 now = bpf_ktime_get_ns(), route = ctx->di, took;
	__u32 thread = (__u32)bpf_get_current_pid_tgid(), cell;
	struct hak_latency *histogram;
	struct bpf_pidns_info id = {};
	struct begin *begin;

	if (!hak_is_target(&id))
		return 0;
	take_stack(ctx, &id, now);
	begin = bpf_map_lookup_elem(&begins, &thread);
	if (!begin || begin->ns < hak_opened_ns || begin->operation >= HAK_LATENCY_OPERATIONS ||
	    route >= HAK_ROUTE_COUNT)
		goto out;
	took = now - begin->ns;
	took = took > hak_bias_ns ? took - hak_bias_ns : 0;
	cell = begin->operation * HAK_ROUTE_COUNT + route;
	bpf_map_delete_elem(&begins, &thread);
	histogram = bpf_map_lookup_elem(&histograms, &cell);
	if (histogram) {
		histogram->visits++;
		histogram->sum_ns += took;
		if (!histogram->least_ns || took < histogram->least_ns)
			histogram->least_ns = took + 1;
		histogram->buckets[bucket_of(took) & (HAK_LATENCY_BUCKETS - 1)]++;
	}
out:
	hak_count_hit(now);
	return 0;
}
