/* SPDX-License-Identifier: MIT OR (GPL-2.0 OR BSD-2-Clause) */
/*
 * Raw user stacks as BPF hands them to user space: registers and a slice of the stack from the
 * stack pointer upwards, to be unwound there (tools/symbols/unwind.h). Fixed-width types from
 * record.h.
 */
#ifndef HAK_STACK_H
#define HAK_STACK_H

#include "record.h"

enum {
	HAK_STACK_REGS =
	        17, /* DWARF x86-64 numbering: rax rdx rcx rbx rsi rdi rbp rsp r8..r15 rip */
	HAK_KEEP_ALL = 65536,    /* a power of two */
	HAK_STACK_SLICE = 65536, /* most bytes of stack in one event */
	HAK_STACK_FRAMES =
	        127, /* most frames that BPF walks itself; perf_event_max_stack's default */
};

struct hak_stack {
	hak_u64 regs[HAK_STACK_REGS];
	hak_u32 bytes;  /* valid bytes in slice; the stack's end may come first */
	hak_u32 frames; /* 0, or slice begins with so many instruction pointers, innermost first:
	                   the kernel has followed the frame pointers, and there is no stack */
	hak_u8 slice[HAK_STACK_SLICE];
};

enum hak_sample_kind {
	HAK_SAMPLE_ALLOC = 1, /* otel_memory:alloc */
	HAK_SAMPLE_FREE = 2,  /* otel_memory:free; no stack, the event ends before it */
	HAK_SAMPLE_CPU = 3,   /* of the processor: struct hak_cpu_event */
	HAK_SAMPLE_ROUTE = 4, /* hakmem:cold_end of the route that is asked for; `ptr` is 0, `size`
	                         the class's */
};

/* One otel_memory event. */
struct hak_sample_event {
	hak_u32 kind;
	hak_u32 pid;
	hak_u32 tid;
	hak_u32 reserved;
	hak_u64 time_ns; /* bpf_ktime_get_ns() */
	hak_u64 ptr;
	hak_u64 size;
	hak_u64 weighted_bytes;
	char comm[16]; /* the thread's name, zero-terminated */
	struct hak_stack stack;
};

#endif
