/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What every BPF program of ours shares: the filter by process, the counters that user space always
 * prints, and reserve-or-count. Included once by each .bpf.c, after vmlinux.h.
 */
#ifndef HAK_BPF_H
#define HAK_BPF_H

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "counters.h"

/* Set by user space before the program is loaded. */
const volatile __u32 hak_pid = 0;    /* the target, as seen from hakprobe's pid namespace */
const volatile __u64 hak_ns_dev = 0; /* that namespace: stat of /proc/self/ns/pid */
const volatile __u64 hak_ns_ino = 0;

/* Inode of the namespace that the kernel starts with (PROC_PID_INIT_INO). */
#define HAK_FIRST_PID_NS 0xeffffffcull

struct hak_counters hak_counters = {};

/*
 * Whether the current task belongs to the target; then `*id` is who it is. A uprobe also fires in
 * children that were forked while it was attached, and a perf_event on a CPU sees everyone.
 */
static __always_inline bool hak_is_target(struct bpf_pidns_info *id)
{
	if (bpf_get_ns_current_pid_tgid(hak_ns_dev, hak_ns_ino, id, sizeof(*id))) {
		/* The task is not in our namespace, but maybe in one below. From the first one all
		 * can be seen; from another container only its own. */
		__u64 both = bpf_get_current_pid_tgid();

		if (hak_ns_ino != HAK_FIRST_PID_NS)
			return false;
		id->tgid = both >> 32;
		id->pid = (__u32)both;
	}
	return id->tgid == hak_pid;
}

/* Counts a hit that took from `start` until now. */
static __always_inline void hak_count_hit(__u64 start)
{
	__sync_fetch_and_add(&hak_counters.hits, 1);
	__sync_fetch_and_add(&hak_counters.ns, bpf_ktime_get_ns() - start);
}

static __always_inline void hak_count_lost(void)
{
	__sync_fetch_and_add(&hak_counters.lost, 1);
}

/* Room for one event of constant size; NULL and counted as lost when there is none. */
static __always_inline void *hak_reserve(void *ring, __u64 bytes)
{
	void *event = bpf_ringbuf_reserve(ring, bytes, 0);

	if (!event)
		hak_count_lost();
	return event;
}

#endif
