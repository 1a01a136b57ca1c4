/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Copies registers and a slice of user stack; for programs that hand stacks to user space. User
 * space's side of it is tools/attach/slices.h.
 */
#ifndef HAK_SLICE_BPF_H
#define HAK_SLICE_BPF_H

#include "stack.h"

enum {
	PAGE = 4096,
	PAGES_MAX = HAK_STACK_SLICE / PAGE,
	FRAMES_BYTES = HAK_STACK_FRAMES * sizeof(__u64),
	THREADS_MAX = 4096,
};

/* The frames that the kernel finds by frame pointers, instead of a slice. */
const volatile bool hak_frame_pointers = false;

/*
 * A slice ends where the stack does, but what is behind may be readable, too, and what is copied is
 * the target's time. So a slice begins with what most stacks need, and user space raises it when
 * unwinding has run out of stack: hak_pages for all threads, and `deep` for single ones. A thread
 * that has been forgotten is learnt anew.
 */
__u32 hak_pages = 4;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, THREADS_MAX);
	__type(key, __u32); /* tid as in the events */
	__type(value, __u32);
} deep SEC(".maps");

static __always_inline void copy_regs(hak_u64 *regs, const struct pt_regs *ctx)
{
	regs[0] = ctx->ax;
	regs[1] = ctx->dx;
	regs[2] = ctx->cx;
	regs[3] = ctx->bx;
	regs[4] = ctx->si;
	regs[5] = ctx->di;
	regs[6] = ctx->bp;
	regs[7] = ctx->sp;
	regs[8] = ctx->r8;
	regs[9] = ctx->r9;
	regs[10] = ctx->r10;
	regs[11] = ctx->r11;
	regs[12] = ctx->r12;
	regs[13] = ctx->r13;
	regs[14] = ctx->r14;
	regs[15] = ctx->r15;
	regs[16] = ctx->ip;
}

static __always_inline __u32 pages_of(__u32 tid)
{
	const __u32 *own = bpf_map_lookup_elem(&deep, &tid);

	return own && *own > hak_pages ? *own : hak_pages;
}

/* How many pages from `sp` upwards can be read, at most `limit`: the stack's end, or a page that is
 * not there. */
static __always_inline __u32 stack_pages(__u64 sp, __u32 limit)
{
	__u64 page = sp & ~(PAGE - 1ull);
	__u8 byte;

#pragma clang loop unroll(disable)
	for (__u32 i = 1; i < PAGES_MAX; i++) {
		if (i >= limit || bpf_probe_read_user(&byte, 1, (void *)(page + (__u64)i * PAGE)))
			return i;
	}
	return PAGES_MAX;
}

/*
 * Copies `pages` pages of stack, the first one from `sp` on. The barrier keeps clang from folding
 * the offset into a form (an OR) whose upper bound the verifier cannot see.
 */
static __always_inline __u32 copy_stack(hak_u8 *slice, __u64 sp, int pages)
{
	__u64 bytes = PAGE - (sp & (PAGE - 1));

	barrier_var(bytes);
	if (bpf_probe_read_user(slice, bytes, (void *)sp))
		return 0;
#pragma clang loop unroll(disable)
	for (int i = 1; i < pages; i++) {
		if (bpf_probe_read_user(slice + bytes, PAGE, (void *)(sp + bytes)))
			break;
		bytes += PAGE;
		barrier_var(bytes);
	}
	return bytes;
}

/* Has the kernel follow the frame pointers of the user stack of `ctx`. */
static __always_inline void copy_frames(struct hak_stack *stack, void *ctx)
{
	long bytes = bpf_get_stack(ctx, stack->slice, FRAMES_BYTES, BPF_F_USER_STACK);

	stack->bytes = bytes > 0 ? bytes : 0;
	stack->frames = bytes > 0 ? bytes / sizeof(__u64) : 0;
}

/* Calls `send` with the arguments and the smallest number of pages, a constant, that holds
 * `pages`: so that a ring holds no more than needed. */
#define hak_send_slice(pages, send, ...)              \
	do {                                          \
		if ((pages) <= 1)                     \
			send(__VA_ARGS__, 1);         \
		else if ((pages) <= 2)                \
			send(__VA_ARGS__, 2);         \
		else if ((pages) <= 3)                \
			send(__VA_ARGS__, 3);         \
		else if ((pages) <= 4)                \
			send(__VA_ARGS__, 4);         \
		else if ((pages) <= 6)                \
			send(__VA_ARGS__, 6);         \
		else if ((pages) <= 8)                \
			send(__VA_ARGS__, 8);         \
		else if ((pages) <= 12)               \
			send(__VA_ARGS__, 12);        \
		else                                  \
			send(__VA_ARGS__, PAGES_MAX); \
	} while (0)

#endif
