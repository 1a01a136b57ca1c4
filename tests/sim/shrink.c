/* SPDX-License-Identifier: MIT */
/*
 * Shrinking (Zeller & Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002): parts
 * of the sequence are left out, ever smaller ones, as long as it still fails.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/sim/sim.h"

enum { STEPS_SHOWN = 100 };

static void print_list(const uint32_t *steps, size_t count)
{
	for (size_t i = 0; i < count;) {
		size_t k = i;
		while (k + 1 < count && steps[k + 1] == steps[k] + 1)
			k++;
		printf(k > i ? "%s%u-%u" : "%s%u", i ? "," : "", steps[i], steps[k]);
		i = k + 1;
	}
}

static void print_steps(uint64_t seed, const uint32_t *steps, size_t count)
{
	struct plan plan;
	char text[200];
	plan_make(&plan, seed);
	for (size_t i = 0; i < count && count <= STEPS_SHOWN; i++) {
		op_describe(&plan, steps[i], text, sizeof(text));
		printf("    step %6u  %s\n", steps[i], text);
	}
}

/* Leaves steps from .. from + n out if it still fails then. */
static bool leave_out(uint64_t seed, uint32_t *steps, size_t *count, size_t from, size_t n,
                      struct report *report)
{
	static uint32_t *fewer;
	struct report now;
	fewer = realloc(fewer, *count * sizeof(*fewer));
	memcpy(fewer, steps, from * sizeof(*fewer));
	memcpy(fewer + from, steps + from + n, (*count - from - n) * sizeof(*fewer));
	if (sim_try(seed, 0, fewer, *count - n, &now) || now.kind != report->kind)
		return false;
	*count -= n;
	memcpy(steps, fewer, *count * sizeof(*fewer));
	while (*count && now.failed_at && steps[*count - 1] > now.failed_at)
		--*count;
	*report = now;
	return true;
}

void shrink(uint64_t seed, const struct report *failure, unsigned seconds)
{
	size_t count = failure->failed_at + 1;
	uint32_t *steps = malloc(count * sizeof(*steps));
	struct report report = *failure;
	time_t until = time(NULL) + seconds;
	for (size_t i = 0; i < count; i++)
		steps[i] = (uint32_t)i;
	if (sim_try(seed, 0, steps, count, &report)) {
		printf("  does not fail when it is run again\n");
		free(steps);
		return;
	}
	for (size_t n = count / 2; n && time(NULL) < until; n /= 2)
		for (size_t from = 0; from + n <= count && time(NULL) < until;)
			if (!leave_out(seed, steps, &count, from, n, &report))
				from += n;
	printf("  shortest: %zu steps: %s\n", count, report.text);
	print_steps(seed, steps, count);
	printf("  make sim SEED=%llu STEPS=%llu ONLY=", (unsigned long long)seed,
	       (unsigned long long)failure->failed_at + 1);
	print_list(steps, count);
	printf("\n");
	free(steps);
}
