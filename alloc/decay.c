/* SPDX-License-Identifier: MIT */
#include "decay.h"

#include "arena.h"
#include "depot.h"
#include "large.h"
#include "options.h"
#include "secure.h"
#include "span.h"
#include "tally.h"

enum {
	PERIOD_MIN_MS = 10,
	GROWTH_MIN = 4 << 20, /* bytes of growth that a trim is worth, at least */
	GROWTH_SHARE = 16,
};

uint64_t decay_period_ns(void)
{
	return max_size(options.purge_ms / 2, PERIOD_MIN_MS) * 1000000u;
}

void decay_when_due(uint64_t now_ns)
{
	static uint64_t due;
	uint64_t period = decay_period_ns();
	if (!is_due(&due, now_ns, period))
		return; /* not yet, or another thread does it */
	depot_trim(false);
	if (!options.huge_pages) /* single pages would break huge ones up */
		span_purge(false);
	arena_purge(options.purge_ms == 0);
	large_purge(now_ns - (now_ns < period ? now_ns : period));
}

static uint32_t growths;

uint32_t decay_growths(void)
{
	return __atomic_load_n(&growths, __ATOMIC_RELAXED);
}

void decay_note_growth(void)
{
	static uint64_t next = GROWTH_MIN;
	uint64_t grown = arena_grown_bytes(), at = __atomic_load_n(&next, __ATOMIC_RELAXED);
	struct hak_arenas now;
	if (likely(grown < at))
		return;
	arena_gauges(&now);
	uint64_t step = max_size(now.span_bytes / GROWTH_SHARE, GROWTH_MIN);
	if (!__atomic_compare_exchange_n(&next, &at, grown + step, false, __ATOMIC_RELAXED,
	                                 __ATOMIC_RELAXED))
		return;
	__atomic_add_fetch(&growths, 1, __ATOMIC_RELAXED);
	depot_trim(false);
}

void decay_unmap_all(void)
{
	depot_trim(true);
	secure_flush();
	span_trim_all();
	arena_unmap_free();
	large_purge(UINT64_MAX);
}

int decay_now(void)
{
	struct hak_arenas before, after;
	arena_gauges(&before);
	decay_unmap_all();
	span_purge(true);
	arena_purge(true);
	arena_gauges(&after);
	return before.huge_cached_bytes || after.purged_bytes != before.purged_bytes;
}
