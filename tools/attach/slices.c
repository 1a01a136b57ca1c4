/* SPDX-License-Identifier: MIT */
#include "tools/attach/slices.h"

#include <bpf/bpf.h>

enum {
	PAGE = 4096,
	PAGES_MAX = HAK_STACK_SLICE / PAGE,
	DEEP_THREADS = 4, /* so many threads with deep stacks make them the rule */
	RSP = 7,
};

uint32_t slices__pages(uint32_t limit, uint64_t sp, uint32_t bytes, uint64_t wanted)
{
	uint32_t had = (uint32_t)((sp % PAGE + bytes + PAGE - 1) / PAGE);
	uint64_t pages = (sp % PAGE + wanted + PAGE - 1) / PAGE;

	/* It has ended before its limit: at the stack's end, or the limit was raised meanwhile. */
	if (had < limit || limit >= PAGES_MAX)
		return limit;
	if (pages < 2 * limit)
		pages = 2 * limit;
	return pages < PAGES_MAX ? (uint32_t)pages : PAGES_MAX;
}

void slices__lengthen(struct slices *slices, hak_u32 tid, const struct hak_stack *stack,
                      uint64_t wanted)
{
	uint32_t all = *slices->pages, own = 0, pages;

	if (stack->frames)
		return; /* the kernel has followed it */
	if (bpf_map_lookup_elem(slices->deep, &tid, &own) || own < all)
		own = all;
	pages = slices__pages(own, stack->regs[RSP], stack->bytes, wanted);
	if (pages == own)
		return;
	bpf_map_update_elem(slices->deep, &tid, &pages, BPF_ANY);
	if (own == all && ++slices->raised == DEEP_THREADS) {
		*slices->pages = 2 * all < PAGES_MAX ? 2 * all : PAGES_MAX;
		slices->raised = 0;
	}
}
