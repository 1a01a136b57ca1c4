// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * hakmem:cold_begin and cold_end: a histogram of how long cold visits take. Two traps for each visit,
 * and what one of them takes lies between the two clocks: user space measures that on itself and
 * has it subtracted.
 */
#include "vmlinux.h"
#include "hak.bpf.h"
#include "latency.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct begin {
	__u64 ns;
	__u64 operation;
};

/* Visits under way by thread. A thread that is killed within one leaves its entry: so the oldest go. */
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

__u64 hak_bias_ns = 0;  /* of the probes themselves; set before the attach */
__u64 hak_opened_ns = 0; /* visits that began before are not complete; set at each attach */

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
