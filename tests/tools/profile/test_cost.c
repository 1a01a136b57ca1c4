/* SPDX-License-Identifier: MIT */
/* Samples of instruction pointers become zones, places, and an estimate with its error. */
#include "tests/harness.h"

#include <math.h>
#include <string.h>

#include "tools/profile/cost.h"
#include "tools/target/target.h"

static char names[] = "malloc\0free\0inside\0fire_hakmem_tally";
static struct object_function functions[] = {
        {0x100, 0x200, names, SIDE_MALLOC},
        {0x200, 0x300, names + 7, SIDE_FREE},
        {0x300, 0x400, names + 12, SIDE_NONE},
        {0x400, 0x500, names + 19, SIDE_PROBE},
};
static struct object object = {.functions = functions, .function_count = 4};
static struct target target = {
        .pid = -1, /* nothing else is mapped */
        .object = &object,
        .bias = 0x10000,
        .text_start = 0x10100,
        .text_end = 0x10600,
};

static void add(struct cost *cost, uint64_t ip, uint64_t flags, uint64_t samples)
{
	struct hak_ip_key key = {ip, flags};
	struct hak_ip_count count = {samples, samples * 1000};

	CHECK(cost__add(cost, &key, &count) == 0);
}

TEST(cost_zones_by_symbol_and_side)
{
	struct cost *cost = cost__new(&target, NULL);
	const struct cost_zones *zones;

	REQUIRE(cost != NULL);
	zones = cost__zones(cost);
	add(cost, 0x10150, 0, 5);
	add(cost, 0x10250, 0, 6);
	add(cost, 0x10350, 0, 7);
	add(cost, 0x10550, 0, 1); /* the allocator's text without a symbol */
	add(cost, 0x10450, HAK_IP_KERNEL | HAK_IP_BELOW, 2);
	add(cost, 0x10350, HAK_IP_KERNEL | HAK_IP_BELOW, 3);
	add(cost, 0x99999, HAK_IP_KERNEL | HAK_IP_BELOW, 4); /* a system call through libc */
	add(cost, 0x99999, HAK_IP_KERNEL, 8);
	add(cost, 0x99999, 0, 9);
	CHECK(zones->samples[ZONE_MALLOC] == 5);
	CHECK(zones->samples[ZONE_FREE] == 6);
	CHECK(zones->samples[ZONE_COLD] == 8);
	CHECK(zones->samples[ZONE_PROBE] == 2);
	CHECK(zones->samples[ZONE_OS] == 7);
	CHECK(zones->samples[ZONE_APPLICATION] == 17);
	CHECK(cost_zones__samples(zones) == 45);
	CHECK(zones->weight[ZONE_MALLOC] == 5000);
	cost__free(cost);
	cost__free(NULL);
}

TEST(cost_top_is_of_the_interval_or_of_all)
{
	struct cost *cost = cost__new(&target, NULL);
	struct cost_function top[2];

	REQUIRE(cost != NULL);
	add(cost, 0x10150, 0, 5);
	add(cost, 0x10151, 0, 5);
	add(cost, 0x10250, 0, 6);
	add(cost, 0x10350, 0, 1);
	REQUIRE(cost__top(cost, false, top, 2) == 2);
	CHECK(!strcmp(top[0].name, "malloc") && top[0].samples == 10);
	CHECK(!strcmp(top[1].name, "free") && top[1].samples == 6);
	cost__begin_interval(cost);
	add(cost, 0x10250, 0, 2);
	REQUIRE(cost__top(cost, false, top, 2) == 1);
	CHECK(!strcmp(top[0].name, "free") && top[0].samples == 2);
	REQUIRE(cost__top(cost, true, top, 2) == 2);
	CHECK(top[0].samples == 10 && top[1].samples == 8);
	cost__free(cost);
}

TEST(cost_many_places_are_all_kept)
{
	struct cost *cost = cost__new(&target, NULL);

	REQUIRE(cost != NULL);
	for (int round = 0; round < 2; round++) {
		for (uint64_t ip = 0; ip < 5000; ip++)
			add(cost, 0x100000 + 16 * ip, 0, 1);
	}
	CHECK(cost__zones(cost)->samples[ZONE_APPLICATION] == 10000);
	cost__free(cost);
}

TEST(cost_estimate_has_the_error_of_its_samples)
{
	struct cost_zones zones = {.samples = {[ZONE_MALLOC] = 100, [ZONE_APPLICATION] = 900},
	                           .weight = {[ZONE_MALLOC] = 100, [ZONE_APPLICATION] = 900}};
	struct cost_zones none = {0};
	struct cost_estimate estimate;

	estimate = cost_zones__per(&zones, ZONE_MALLOC, 1000000000, 10000000);
	CHECK(fabs(estimate.value - 10) < 1e-9);
	CHECK(fabs(estimate.error - 1) < 1e-9);
	estimate = cost_zones__per(&zones, ZONE_FREE, 1000000000, 10000000);
	CHECK(estimate.value == 0 && fabs(estimate.error - 0.1) < 1e-9);
	CHECK(isnan(cost_zones__per(&zones, ZONE_MALLOC, 1000000000, 0).value));
	CHECK(isnan(cost_zones__share(&none, ZONE_MALLOC).value));
	CHECK(fabs(cost_zones__wrapper(&zones) - 0.1) < 1e-9);
}
