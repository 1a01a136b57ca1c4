/* SPDX-License-Identifier: MIT */
/* What a seed stands for. */
#include "tests/sim/sim.h"

#include <stdio.h>

#include "alloc/options.h"

unsigned sim_allowed = ALLOW_ALL;

static uint64_t pick(struct random *random, const uint64_t *choices, size_t count)
{
	return choices[random_below(random, count)];
}

#define PICK(random, ...)                             \
	pick(random, (const uint64_t[]){__VA_ARGS__}, \
	     sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static size_t power_about(struct random *random, unsigned low, unsigned high)
{
	size_t n = (size_t)1 << (low + random_below(random, high - low + 1));
	return n + random_below(random, 3) - 1;
}

static size_t up_to(struct random *random, size_t n)
{
	return random_below(random, n + 1);
}

static size_t mixed_size(struct random *random)
{
	switch (random_below(random, 16)) {
	case 0:
		return power_about(random, 3, 17);
	case 1:
		return up_to(random, 32768);
	case 2:
		return random_once_in(random, 16) ? up_to(random, 2 << 20) : up_to(random, 70000);
	case 3:
		return random_once_in(random, 64) ? up_to(random, 5 << 20) : up_to(random, 4096);
	default:
		return up_to(random, 600);
	}
}

size_t plan_size(const struct plan *plan, struct random *random)
{
	if (random_once_in(random, 4096))
		return (size_t)PTRDIFF_MAX - 4 + random_below(random, 8);
	switch (plan->sizes) {
	case SIZES_SMALL:
		return up_to(random, 1100);
	case SIZES_MEDIUM:
		return 1000 + up_to(random, 32000);
	case SIZES_PAGE:
		return (1 + random_below(random, 8)) * 4096 + random_below(random, 3) - 1;
	case SIZES_LARGE:
		return 32768 + up_to(random, random_once_in(random, 8) ? 2 << 20 : 300000);
	case SIZES_HUGE:
		return (2 << 20) + up_to(random, random_once_in(random, 8) ? 16 << 20 : 1 << 20);
	case SIZES_POWERS:
		return power_about(random, 0, random_once_in(random, 16) ? 22 : 15);
	case SIZES_ONE:
		return plan->one - random_below(random, plan->one < 16 ? plan->one : 16);
	case SIZES_FEW:
		return plan->few[random_below(random, 4)];
	default:
		return mixed_size(random);
	}
}

static void plan_sizes(struct plan *plan, struct random *random)
{
	plan->sizes = (enum sizes)PICK(random, SIZES_SMALL, SIZES_SMALL, SIZES_MEDIUM, SIZES_PAGE,
	                               SIZES_LARGE, SIZES_HUGE, SIZES_POWERS, SIZES_ONE, SIZES_ONE,
	                               SIZES_FEW, SIZES_FEW, SIZES_MIXED, SIZES_MIXED);
	plan->one = 1 + random_below(random, PICK(random, 128, 1024, 4096, 32768));
	for (int i = 0; i < 4; i++)
		plan->few[i] = 1 + random_below(random, PICK(random, 128, 1024, 4096, 32768));
	bool big = plan->sizes == SIZES_LARGE || plan->sizes == SIZES_HUGE;
	plan->live_max = big ? 40 : PICK(random, 50, 500, 5000, 20000);
	plan->bytes_max = big ? 96 << 20 : 48 << 20;
	plan->repeat_max = big ? 4 : (unsigned)PICK(random, 1, 8, 64, 300);
	plan->phase = (unsigned)PICK(random, 20, 100, 500, 3000);
	plan->lifo = (unsigned)random_below(random, 17);
}

/* One call in so many, or all from some time on, or for some time. */
static void plan_refusals(struct plan *plan, enum call call, struct random *random)
{
	struct refusals *refusals = &plan->refusals[call];
	switch (random_below(random, 3)) {
	case 0:
		refusals->once_in = (uint32_t)PICK(random, 2, 8, 50, 400);
		break;
	case 1:
		refusals->from = 1 + (uint32_t)random_below(random, PICK(random, 2, 20, 300));
		break;
	default:
		refusals->from = 1 + (uint32_t)random_below(random, 100);
		refusals->until = refusals->from + 1 + (uint32_t)random_below(random, 200);
	}
}

static void plan_kernel(struct plan *plan, struct random *random)
{
	bool kind = random_below(random, 2); /* half of all kernels do what they are told */
	plan->no_barrier = random_once_in(random, 16);
	plan->no_populate = random_once_in(random, 4);
	plan->obstacles = random_once_in(random, 4) ? (unsigned)random_below(random, 64) : 0;
	plan->window_full = random_once_in(random, 24) && sim_allowed & ALLOW_WINDOW;
	bool limited = random_once_in(random, 3);
	size_t limit = PICK(random, 5, 8, 12, 20, 40) << 20;
	if (kind)
		return;
	plan->limit = limited ? limit : 0;
	plan->strict = limited && random_below(random, 2);
	if (limited) { /* and there is enough to come near it */
		plan->live_max = 20000;
		plan->bytes_max = 128 << 20;
		plan->repeat_max = plan->repeat_max < 64 ? 64 : plan->repeat_max;
	}
	if (plan->strict) {
		plan->leave = 0;
		return;
	}
	for (enum call call = 0; call < CALL_COUNT; call++) {
		struct random each = {random_next(random)};
		bool wanted = random_once_in(&each, 3);
		if ((call == CALL_BARRIER && !(sim_allowed & ALLOW_BARRIER)) ||
		    (call == CALL_UNMAP && !(sim_allowed & ALLOW_UNMAP)))
			continue;
		if (wanted)
			plan_refusals(plan, call, &each);
	}
}

void plan_make(struct plan *plan, uint64_t seed)
{
	struct random random = {random_mix(seed)};
	*plan = (struct plan){.seed = seed};
	plan->threads = (unsigned)PICK(&random, 1, 2, 3, 5, 12, SIM_THREADS);
	plan->checked = random_once_in(&random, 16);
	plan->profile =
	        (unsigned)PICK(&random, PROFILE_SPEED, PROFILE_SPEED, PROFILE_LEAN, PROFILE_SECURE);
	plan->guard = random_once_in(&random, 5) ? (unsigned)PICK(&random, 1, 10, 100) : 0;
	plan->sample_bytes = PICK(&random, 1, 1000, 20000, 512 * 1024);
	plan->purge_ms = (unsigned)PICK(&random, 0, 1, 100, 1000, 1000, 60000);
	plan_sizes(plan, &random);
	plan->cut = (unsigned)PICK(&random, 0, 2, 10, 100);
	plan->leave = (unsigned)PICK(&random, 0, 1, 2, 10);
	plan->starts = (unsigned)PICK(&random, 0, 1, 5, 40);
	plan->deaths = random_once_in(&random, 4) && sim_allowed & ALLOW_DEATHS;
	plan->forks = random_once_in(&random, 4);
	plan->trims = random_once_in(&random, 2);
	plan->samples = random_once_in(&random, 3);
	plan->clock_step = PICK(&random, 1000, 100000, 10000000, 1000000000);
	plan->walk_every = (unsigned)PICK(&random, 20, 200, 1000, 1000);
	plan_kernel(plan, &random);
}

static const char *const size_names[SIZES_COUNT] = {"small",  "medium", "page", "large", "huge",
                                                    "powers", "one",    "few",  "mixed"};
static const char *const call_names[CALL_COUNT] = {
        "map", "map_at", "unmap", "remap", "purge", "populate", "protect", "barrier", "copy"};

void plan_print(const struct plan *plan)
{
	static const char *const profiles[] = {"speed", "lean", "secure"};
	printf("  plan: %u threads, profile %s%s, guard %u, sizes %s (%zu), live %zu, repeat %u, "
	       "cut %u, leave %u%s%s%s%s, clock %llu, purge %u ms\n",
	       plan->threads, profiles[plan->profile], plan->checked ? " checked" : "", plan->guard,
	       size_names[plan->sizes], plan->one, plan->live_max, plan->repeat_max, plan->cut,
	       plan->leave, plan->deaths ? ", deaths" : "", plan->forks ? ", forks" : "",
	       plan->trims ? ", trims" : "", plan->samples ? ", samples" : "",
	       (unsigned long long)plan->clock_step, plan->purge_ms);
	printf("  kernel: limit %zu%s, %u obstacles%s%s%s", plan->limit,
	       plan->strict ? " and nothing else" : "", plan->obstacles,
	       plan->window_full ? ", window full" : "", plan->no_barrier ? ", no barrier" : "",
	       plan->no_populate ? ", no populate" : "");
	for (enum call call = 0; call < CALL_COUNT; call++) {
		const struct refusals *r = &plan->refusals[call];
		if (r->once_in || r->from)
			printf(", refuses %s (1 in %u, from %u to %u)", call_names[call],
			       r->once_in, r->from, r->until);
	}
	printf("\n");
}
