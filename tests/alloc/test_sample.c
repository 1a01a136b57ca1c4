/* SPDX-License-Identifier: MIT */
/* Sampling: draws follow their distribution, weights are unbiased, the rate is limited. */
#include "alloc/alloc.h"
#include "alloc/init.h"
#include "alloc/options.h"
#include "alloc/probe.h"
#include "alloc/sample.h"
#include "tests/alloc/support.h"
#include "tests/harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

TEST(logarithm_and_exponential)
{
	double worst = 0;
	for (double u = 0; u < 1; u += 1e-4)
		worst = fmax(worst, fabs(sample_exponential(u) + log1p(-u)) /
		                            fmax(1e-300 + -log1p(-u), 1e-12));
	CHECK(worst < 1e-9);
	CHECK(isfinite(sample_exponential(1 - 0x1p-53)));
	worst = 0;
	for (double x = 1e-9; x < 60; x *= 1.01)
		worst = fmax(worst, fabs(sample_probability(x) / -expm1(-x) - 1));
	CHECK(worst < 1e-9);
	CHECK(sample_probability(0) == 0);
}

/* Draws follow the geometric distribution: P(until ≥ k) = exp(-k b / R). */
TEST(draws_are_geometric)
{
	support_init();
	static struct sampler sampler;
	enum { DRAWS = 200000, CLASS = 64 };
	sample_seed(&sampler, 7);
	sample_start(&sampler, 16 * 1024);
	double x = size_class_size(CLASS) / (16.0 * 1024), sum = 0;
	size_t zero = 0, beyond = 0;
	for (int i = 0; i < DRAWS; i++) {
		sampler.until[CLASS] = -1;
		int64_t until = sample_until(&sampler, CLASS);
		sum += (double)until;
		zero += until == 0;
		beyond += until >= 32;
	}
	double p = -expm1(-x), mean = (1 - p) / p, sd = sqrt(1 - p) / p / sqrt(DRAWS);
	CHECK(fabs(sum / DRAWS - mean) < 4 * sd);
	CHECK(fabs(zero - DRAWS * p) < 4 * sqrt(DRAWS * p * (1 - p)));
	double tail = exp(-32 * x);
	CHECK(fabs(beyond - DRAWS * tail) < 4 * sqrt(DRAWS * tail * (1 - tail)));
}

#if HAK_PROBES
static void *slots[1000];

/* `n` allocations of mixed sizes, small to huge, with frees between them. Returns the bytes
 * requested. */
static double churn(size_t n)
{
	uint64_t seed = 42;
	double bytes = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t r = support_random(&seed);
		size_t size = 1 + (r >> 20) % (1 << (4 + r % 12));
		if (i % 5000 == 0)
			size = 100000 + r % 3000000;
		void **slot = &slots[(r >> 40) % 1000];
		alloc_free(*slot);
		*slot = alloc_malloc(size);
		bytes += (double)size;
	}
	for (int i = 0; i < 1000; i++) {
		alloc_free(slots[i]);
		slots[i] = NULL;
	}
	return bytes;
}

/* Σ weighted_bytes of 10^7 allocations is within 3 standard errors of the bytes requested. */
static void weigh(uint64_t samples_min)
{
	support_init();
	alloc_free(alloc_malloc(1)); /* the thread has a cache now, whose draws the test repeats */
	sample_seed(&tcache_self->sampler, 20261123);
	support_sample(true);
	churn(200000); /* each class' credit from before is used up */
	support_probes = (struct support_probes){0};
	double bytes = churn(10000000);
	support_sample(false);
	double error = (support_probes.weight - bytes) / sqrt(support_probes.variance);
	printf("      weights %.0f, bytes %.0f: %+.2f standard errors, %llu samples\n",
	       support_probes.weight, bytes, error, (unsigned long long)support_probes.sampled);
	CHECK(fabs(error) <= 3);
	CHECK(support_probes.sampled >= samples_min);
	CHECK(support_probes.freed <= support_probes.sampled + 1000); /* those alive before */
	CHECK(support_probes.freed + 1000 >= support_probes.sampled);
}

TEST(weights_are_unbiased)
{
	support_clock_step(1000000000); /* no rate is too high */
	weigh(5000);
	support_clock_step(0);
}

TEST(weights_are_unbiased_while_the_rate_is_limited)
{
	support_clock_step(400000); /* 2,500 samples a second if it were for the default distance */
	weigh(200);
	support_clock_step(0);
}

TEST(unsampled_runs_fire_nothing)
{
	support_init();
	support_sample(false);
	churn(500000); /* sampled blocks and draws from before are gone */
	support_probes = (struct support_probes){0};
	churn(1000000);
	CHECK(support_probes.sampled == 0);
	CHECK(support_probes.freed == 0);
}
#endif

/* Above the rate limit R doubles, below it returns; a draw that was made keeps its R. */
TEST(rate_is_limited)
{
	support_init();
	static struct sampler sampler;
	sample_seed(&sampler, 3);
	sample_start(&sampler, 1024);
	uint64_t now = 1000000000;
	sample_until(&sampler, 30);
	for (int i = 0; i < SAMPLES_PER_SECOND_MAX / 2; i++)
		sample_count(&sampler, now, 1024);
	CHECK(sampler.distance >= 8 * 1024);
	CHECK(sampler.drawn_at[30] == 1024);
	for (int i = 0; i < 20; i++)
		sample_count(&sampler, now += 1000000000, 1024);
	CHECK(sampler.distance == 1024);
}
