/* SPDX-License-Identifier: MIT */
/*
 * How long the slices of stack are that a BPF program copies (bpf/slice.bpf.h): longer where
 * unwinding has run out of stack, for single threads first, and for all when there are many.
 */
#ifndef HAK_SLICES_H
#define HAK_SLICES_H

#include <stdint.h>

#include "bpf/stack.h"

struct slices {
	int deep;        /* file descriptor of the program's map of threads */
	hak_u32 *pages;  /* its hak_pages */
	unsigned raised; /* threads that needed more than hak_pages, since that was set */
};

/* What becomes of a thread's `limit` in pages, after a slice of `bytes` from `sp` that should have
 * had `wanted`. */
uint32_t slices__pages(uint32_t limit, uint64_t sp, uint32_t bytes, uint64_t wanted);

/* `stack` of thread `tid` (as in the events) went on beyond
 * its slice, at least to `wanted` bytes. */
void slices__lengthen(struct slices *slices, hak_u32 tid, const struct hak_stack *stack,
                      uint64_t wanted);

#endif
