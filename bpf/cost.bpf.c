// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Where the target spends its CPU time: one perf_event per CPU, filtered by process, counts user
 * instruction pointers. Events on CPUs see new threads from their first instruction, where events
 * on threads would have to be inherited, and cost no work at context switches. Samples inside or
 * below the allocator bring their stacks when a flame graph is asked for.
 */
#include "vmlinux.h"
#include "hak.bpf.h"
#include "cost.h"
#include "slice.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The allocator's text in the target. */
const volatile __u64 hak_text_start = 0;
const volatile __u64 hak_text_end = 0;

const volatile bool hak_wants_stacks = false;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct hak_ip_key);
	__type(value, struct hak_ip_count);
} ips SEC(".maps");

/* User space makes it small when no stacks are wanted. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} stacks SEC(".maps");

enum { HEADER = __builtin_offsetof(struct hak_cpu_event, stack.slice), WAKE_BYTES = 2 << 20 };

/*
 * User space looks by itself, ten times a second. To wake it for each sample would mostly be to
 * have it run where the target was: that cost more than the sample.
 */
static __always_inline void submit(struct hak_cpu_event *event)
{
	bool hurry = bpf_ringbuf_query(&stacks, BPF_RB_AVAIL_DATA) > WAKE_BYTES;

	bpf_ringbuf_submit(event, hurry ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* Words of stack looked at for the caller of a system call: libc's wrappers save at most these. */
enum { CALLER_WORDS = 4 };

static __always_inline bool in_allocator(__u64 ip)
{
	return ip >= hak_text_start && ip < hak_text_end;
}

/* The user-space side of a sample that hit in the kernel. */
static __always_inline void find_entry(struct hak_ip_key *key)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	__u64 words[CALLER_WORDS] = {};

	key->flags = HAK_IP_KERNEL;
	key->ip = regs->ip;
	if (in_allocator(key->ip)) {
		key->flags |= HAK_IP_BELOW;
		return;
	}
	if (bpf_probe_read_user(words, sizeof(words), (void *)regs->sp))
		return;
	for (int i = 0; i < CALLER_WORDS; i++) {
		if (in_allocator(words[i]))
			key->flags |= HAK_IP_BELOW;
	}
}

static __always_inline void count_ip(const struct hak_ip_key *key, __u64 period)
{
	struct hak_ip_count one = {.samples = 1, .weight = period};
	struct hak_ip_count *count = bpf_map_lookup_elem(&ips, key);

	if (!count) {
		if (!bpf_map_update_elem(&ips, key, &one, BPF_NOEXIST))
			return;
		count = bpf_map_lookup_elem(&ips, key); /* another CPU was first, or it is full */
	}
	if (!count) {
		hak_count_lost();
		return;
	}
	__sync_fetch_and_add(&count->samples, 1);
	__sync_fetch_and_add(&count->weight, period);
}

static __always_inline void fill(struct hak_cpu_event *event, const struct pt_regs *regs,
                                 const struct bpf_pidns_info *id, const struct hak_ip_key *key,
                                 __u64 weight)
{
	event->kind = HAK_SAMPLE_CPU;
	event->pid = id->tgid;
	event->tid = id->pid;
	event->reserved = 0;
	event->flags = key->flags;
	event->weight = weight;
	copy_regs(event->stack.regs, regs);
}

/* One stack; `pages` is a constant at every call, so that the ring holds no more than needed. */
static __always_inline void send(const struct pt_regs *regs, const struct bpf_pidns_info *id,
                                 const struct hak_ip_key *key, __u64 weight, int pages)
{
	struct hak_cpu_event *event = hak_reserve(&stacks, HEADER + pages * PAGE);

	if (!event)
		return;
	fill(event, regs, id, key, weight);
	event->stack.frames = 0;
	event->stack.bytes = copy_stack(event->stack.slice, regs->sp, pages);
	submit(event);
}

static __always_inline void send_frames(void *ctx, const struct pt_regs *regs,
                                        const struct bpf_pidns_info *id,
                                        const struct hak_ip_key *key, __u64 weight)
{
	struct hak_cpu_event *event = hak_reserve(&stacks, HEADER + FRAMES_BYTES);

	if (!event)
		return;
	fill(event, regs, id, key, weight);
	copy_frames(&event->stack, ctx);
	submit(event);
}

static __always_inline void send_stack(void *ctx, const struct pt_regs *regs,
                                       const struct bpf_pidns_info *id,
                                       const struct hak_ip_key *key, __u64 weight)
{
	__u32 pages;

	if (hak_frame_pointers) {
		send_frames(ctx, regs, id, key, weight);
	} else {
		pages = stack_pages(regs->sp, pages_of(id->pid));
		hak_send_slice(pages, send, regs, id, key, weight);
	}
}

SEC("perf_event")
int on_sample(struct bpf_perf_event_data *ctx)
{
	__u64 start = bpf_ktime_get_ns();
	struct bpf_pidns_info id = {};
	struct hak_ip_key key = {};

	if (!hak_is_target(&id))
		return 0;
	if ((__s64)ctx->regs.ip < 0) /* the kernel's half of the address space */
		find_entry(&key);
	else
		key.ip = ctx->regs.ip;
	count_ip(&key, ctx->sample_period);
	if (hak_wants_stacks && (key.flags & HAK_IP_KERNEL) && (key.flags & HAK_IP_BELOW))
		send_stack(ctx, (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf()), &id,
		           &key, ctx->sample_period);
	else if (hak_wants_stacks && !(key.flags & HAK_IP_KERNEL) && in_allocator(key.ip))
		send_stack(ctx, &ctx->regs, &id, &key, ctx->sample_period);
	hak_count_hit(start);
	return 0;
}
