/* SPDX-License-Identifier: MIT */
/* Histograms: quantiles, buckets, names of routes. */
#include "tests/harness.h"

#include <math.h>
#include <string.h>

#include "tools/profile/latency.h"

TEST(latency_quantile_lies_within_its_bucket)
{
	struct hak_latency cell = {.visits = 100};

	cell.buckets[5] = 90;  /* 32 … 64 ns */
	cell.buckets[10] = 10; /* 1024 … 2048 ns */
	CHECK(latency__quantile(&cell, 0.5) > 32 && latency__quantile(&cell, 0.5) < 64);
	CHECK(latency__quantile(&cell, 0.9) == 64);
	CHECK(latency__quantile(&cell, 0.95) == 1536);
	CHECK(latency__quantile(&cell, 1) == 2048);
}

TEST(latency_of_nothing_is_not_known)
{
	struct hak_latency cell = {0};

	CHECK(isnan(latency__quantile(&cell, 0.5)));
}

TEST(latency_buckets_meet_and_the_last_is_open)
{
	CHECK(latency__bucket_low(0) == 0);
	for (int i = 0; i + 1 < HAK_LATENCY_BUCKETS; i++)
		CHECK(latency__bucket_high(i) == latency__bucket_low(i + 1));
	CHECK(latency__bucket_high(HAK_LATENCY_BUCKETS - 1) == UINT64_MAX);
}

TEST(latency_names_routes_of_mallocs_and_frees)
{
	char name[32];

	CHECK(!strcmp(latency__name(HAK_LATENCY_MALLOC, HAK_ROUTE_DEPOT, name, sizeof(name)),
	              "malloc depot"));
	CHECK(!strcmp(latency__name(HAK_LATENCY_FREE, HAK_ROUTE_MAGAZINE, name, sizeof(name)),
	              "free"));
}
