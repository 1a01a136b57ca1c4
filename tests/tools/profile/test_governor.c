/* SPDX-License-Identifier: MIT */
/* The governor holds the ceiling, shares it out, and never goes blind. */
#include "tests/harness.h"

#include <math.h>

#include "tools/profile/governor.h"

static struct governor governor;

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

TEST(governor_leaves_what_fits_alone)
{
	const double spent[GOVERNOR_PARTS] = {[GOVERN_TICKS] = 0.004, [GOVERN_STACKS] = 0.005};

	governor__init(&governor, 0.01);
	governor__update(&governor, 1, 0.0001, spent, NULL);
	CHECK(near(governor.rate[GOVERN_TICKS], 1));
	CHECK(near(governor.rate[GOVERN_STACKS], 1));
	CHECK(!governor__is_limiting(&governor));
	CHECK(near(governor.used, 0.0091));
}

TEST(governor_halves_what_costs_twice_the_budget)
{
	const double spent[GOVERNOR_PARTS] = {[GOVERN_TICKS] = 0.018};

	governor__init(&governor, 0.01);
	governor__update(&governor, 1, 0.001, spent, NULL);
	CHECK(near(governor.rate[GOVERN_TICKS], 0.5));
	CHECK(governor__is_limiting(&governor));
}

TEST(governor_budget_grows_with_busy_threads_not_below_one)
{
	const double spent[GOVERNOR_PARTS] = {[GOVERN_TICKS] = 0.03};

	governor__init(&governor, 0.01);
	governor__update(&governor, 3.5, 0, spent, NULL);
	CHECK(near(governor.budget, 0.035));
	CHECK(near(governor.rate[GOVERN_TICKS], 1));
	governor__update(&governor, 0.001, 0, spent, NULL);
	CHECK(near(governor.budget, 0.01));
}

TEST(governor_small_wishes_come_before_large_ones)
{
	/* Of 0.01 the ticks want 0.002 and get them; the stacks get the rest. */
	const double spent[GOVERNOR_PARTS] = {[GOVERN_TICKS] = 0.002, [GOVERN_STACKS] = 0.08};

	governor__init(&governor, 0.01);
	governor__update(&governor, 1, 0, spent, NULL);
	CHECK(near(governor.rate[GOVERN_TICKS], 1));
	CHECK(near(governor.rate[GOVERN_STACKS], 0.1));
}

TEST(governor_estimates_the_whole_from_the_rate)
{
	/* 0.005 at a rate of 1/256 would be 1.28 at full rate. */
	const double spent[GOVERNOR_PARTS] = {[GOVERN_LATENCY] = 0.005};

	governor__init(&governor, 0.01);
	governor__update(&governor, 1, 0, spent, NULL);
	CHECK(near(governor.whole[GOVERN_LATENCY], 1.28));
	CHECK(near(governor.rate[GOVERN_LATENCY], 0.01 / 1.28));
}

TEST(governor_learns_nothing_from_what_did_not_run)
{
	double spent[GOVERNOR_PARTS] = {[GOVERN_LATENCY] = 0.005};
	double ran[GOVERNOR_PARTS] = {1, 1, 0.01};

	governor__init(&governor, 0.01);
	governor__update(&governor, 1, 0, spent, ran);
	CHECK(near(governor.rate[GOVERN_LATENCY], 0.02));
	spent[GOVERN_LATENCY] = ran[GOVERN_LATENCY] = 0;
	for (int i = 0; i < 20; i++)
		governor__update(&governor, 1, 0, spent, ran);
	CHECK(near(governor.rate[GOVERN_LATENCY], 0.02));
}

TEST(governor_recovers_when_the_load_falls)
{
	double spent[GOVERNOR_PARTS] = {[GOVERN_STACKS] = 1};

	governor__init(&governor, 0.01);
	governor__update(&governor, 1, 0, spent, NULL);
	CHECK(near(governor.rate[GOVERN_STACKS], 0.01));
	spent[GOVERN_STACKS] = 0;
	for (int i = 0; i < 40; i++)
		governor__update(&governor, 1, 0, spent, NULL);
	CHECK(near(governor.rate[GOVERN_STACKS], 1));
}

TEST(governor_never_goes_blind)
{
	const double spent[GOVERNOR_PARTS] = {1000, 1000, 1000};

	governor__init(&governor, 0.0001);
	governor__update(&governor, 1, 1, spent, NULL);
	for (int i = 0; i < GOVERNOR_PARTS; i++)
		CHECK(governor.rate[i] > 0);
}
