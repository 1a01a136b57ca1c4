/* SPDX-License-Identifier: MIT */
#include "tools/attach/feed.h"

#include <bpf/libbpf.h>

void feed__begin(struct feed *feed, const struct bpf_map *deep, hak_u32 *pages)
{
	feed->slices.deep = bpf_map__fd(deep);
	feed->slices.pages = pages;
}

int feed__push(struct feed *feed, const void *event, size_t size)
{
	int result = event_queue__push(feed->queue, event, size);

	feed->dropped += result > 0;
	return result < 0 ? result : 0;
}

int feed__answer(struct feed *feed, hak_u32 tid, const struct hak_stack *stack, int said)
{
	if (said > 0)
		slices__lengthen(&feed->slices, tid, stack, (uint64_t)said);
	return said < 0 ? said : 0;
}

struct hak_counters feed__counters(const struct feed *feed, const struct hak_counters *counters)
{
	struct hak_counters result = *counters;

	result.lost += feed->dropped;
	return result;
}
