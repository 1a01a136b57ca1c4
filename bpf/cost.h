/* SPDX-License-Identifier: MIT OR (GPL-2.0 OR BSD-2-Clause) */
/* What cost.bpf.c counts: samples of the target's threads by instruction pointer. */
#ifndef HAK_COST_EVENT_H
#define HAK_COST_EVENT_H

#include "stack.h"

enum hak_ip_flags {
	HAK_IP_KERNEL = 1, /* the sample hit in the kernel; ip is where user space entered it */
	HAK_IP_BELOW = 2,  /* and the allocator's text called it, directly or through libc */
};

struct hak_ip_key {
	hak_u64 ip; /* user space; 0 when it is not known */
	hak_u64 flags;
};

struct hak_ip_count {
	hak_u64 samples;
	hak_u64 weight; /* sum of the samples' periods: ns of cpu-clock, or cycles */
};

/* A sample inside or below the allocator with its user stack, for --flame cpu. */
struct hak_cpu_event {
	hak_u32 kind; /* HAK_SAMPLE_CPU */
	hak_u32 pid;
	hak_u32 tid;
	hak_u32 reserved;
	hak_u64 flags;
	hak_u64 weight;
	struct hak_stack stack; /* as user space was left; only `stack.bytes` bytes of the slice */
};

#endif
