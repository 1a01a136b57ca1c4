/* SPDX-License-Identifier: MIT */
/* Verdicts: a direction where there is one, NEUTRAL for noise and drift. */
#include "tests/harness.h"

#include <math.h>

#include "bench/base/random.h"
#include "bench/lab/trial.h"
#include "bench/lab/verdict.h"

enum { ROUNDS = 10, TRIES = 400 };

/* Recorded on a shared machine: CPU ns per operation of `mixed`, one library against itself. */
static const double equal_a[ROUNDS] = {9.404, 8.715, 9.479, 8.501, 9.966,
                                       9.097, 9.312, 8.758, 9.627, 8.987};
static const double equal_b[ROUNDS] = {8.987, 8.910, 9.689, 8.316, 9.627,
                                       8.758, 9.801, 9.095, 9.021, 9.404};
/* HAKMEM_FASTLANE_DIRECT=0 and 1. */
static const double checked[ROUNDS] = {37.954, 41.333, 33.601, 36.2, 39.01,
                                       38.4,   40.2,   35.9,   37.7, 38.8};
static const double direct[ROUNDS] = {9.596, 9.797, 9.007, 9.4, 9.62, 9.58, 9.71, 9.21, 9.55, 9.66};

TEST(verdict_equal_arms_are_neutral)
{
	struct judgement judgement = verdict_judge(equal_a, equal_b, ROUNDS, 0.05);
	CHECK(judgement.verdict == VERDICT_NEUTRAL);
	CHECK(judgement.ratio.low <= judgement.ratio.median);
	CHECK(judgement.ratio.median <= judgement.ratio.high);
}

TEST(verdict_tells_the_direction)
{
	struct judgement faster = verdict_judge(checked, direct, ROUNDS, 0.05);
	struct judgement slower = verdict_judge(direct, checked, ROUNDS, 0.05);
	CHECK(faster.verdict == VERDICT_GO);
	CHECK(slower.verdict == VERDICT_NO_GO);
	CHECK(fabs(faster.ratio.median - 4) < 0.3);
	CHECK(fabs(faster.ratio.median * slower.ratio.median - 1) < 0.05);
}

TEST(verdict_threshold_decides)
{
	double a[ROUNDS], b[ROUNDS];
	for (int i = 0; i < ROUNDS; i++) {
		b[i] = 10 + 0.01 * i;
		a[i] = b[i] * 1.08;
	}
	CHECK(verdict_judge(a, b, ROUNDS, 0.05).verdict == VERDICT_GO);
	CHECK(verdict_judge(a, b, ROUNDS, 0.10).verdict == VERDICT_NEUTRAL);
	CHECK(verdict_judge(b, a, ROUNDS, 0.05).verdict == VERDICT_NO_GO);
}

TEST(verdict_slow_drift_cancels)
{
	double a[ROUNDS], b[ROUNDS];
	for (int i = 0; i < ROUNDS; i++) {
		a[i] = 10 + i; /* the machine gets twice as slow */
		b[i] = (10 + i) / 1.10;
	}
	CHECK(verdict_judge(a, b, ROUNDS, 0.05).verdict == VERDICT_GO);
}

TEST(verdict_needs_enough_rounds)
{
	CHECK(verdict_judge(checked, direct, VERDICT_ROUNDS_LEAST - 1, 0.05).verdict ==
	      VERDICT_NEUTRAL);
	CHECK(verdict_judge(checked, direct, VERDICT_ROUNDS_LEAST, 0.05).verdict == VERDICT_GO);
}

/* A twelfth of noise, evenly distributed, and one run in ten three times as long. */
static double noisy(struct random *random)
{
	double cost = 10 * (1 + (random_low(random_next(random), 2000) / 1000.0 - 1) / 12);
	return random_low(random_next(random), 10) ? cost : 3 * cost;
}

TEST(verdict_noise_alone_is_neutral)
{
	struct random random = random_seed(7, 0);
	unsigned neutral = 0;
	for (int try = 0; try < TRIES; try++) {
		double a[ROUNDS], b[ROUNDS];
		for (int i = 0; i < ROUNDS; i++) {
			a[i] = noisy(&random);
			b[i] = noisy(&random);
		}
		neutral += verdict_judge(a, b, ROUNDS, 0.05).verdict == VERDICT_NEUTRAL;
	}
	CHECK(neutral * 100 >= TRIES * 95);
}

TEST(trial_order_is_balanced)
{
	for (unsigned arms = 2; arms <= 5; arms++) {
		unsigned place[5][5] = {{0}};
		for (unsigned round = 0; round < 2 * arms; round++) {
			unsigned seen = 0;
			for (unsigned k = 0; k < arms; k++) {
				unsigned arm = trial_order(arms, round, k);
				REQUIRE(arm < arms);
				seen |= 1u << arm;
				place[arm][k]++;
			}
			CHECK(seen == (1u << arms) - 1);
		}
		for (unsigned arm = 0; arm < arms; arm++)
			for (unsigned k = 0; k < arms; k++)
				CHECK(place[arm][k] == 2);
	}
}
