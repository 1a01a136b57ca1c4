/* SPDX-License-Identifier: MIT */
/*
 * Floor 3: when to sample. Bytes that a thread allocates are a line on which samples are Poisson
 * points with mean distance R. A block of b bytes holds a point with p = 1 - exp(-b/R),
 * independently of the others, so a thread may draw per class how many blocks pass before the next
 * sampled one: floor(E * R / b), E exponential with mean 1, which is that geometric distribution.
 *
 * Guarded blocks (guard.h) are chosen on a second line, on which every allocation counts the same:
 * one in N, independently of each other and of the samples.
 */
#ifndef HAK_SAMPLE_H
#define HAK_SAMPLE_H

#include "base.h"

#define SAMPLE_NEVER INT64_MAX

/* State of one thread. Zero-filled is valid but for sample_seed(). */
struct sampler {
	uint64_t random[2]; /* xoroshiro128+ */
	bool cutting; /* credit ends at the next block of one of the lines: sampling, guarding or
	                 both */
	bool always;  /* cutting whether or not; for the thread to set */
	uint64_t distance;  /* R in bytes for new draws; 0 = not sampling */
	uint64_t window_ns; /* start of the window in which samples are counted */
	uint64_t window_count;
	int64_t until[HAK_CLASS_COUNT]; /* blocks that pass before the next sample; -1: not drawn */
	uint64_t drawn_at[HAK_CLASS_COUNT]; /* the R with which that was drawn */
	bool guarding;
	double guard_mean;                    /* -1 / ln(1 - 1/N) blocks */
	int64_t guard_until[HAK_CLASS_COUNT]; /* as until; classes that cannot be guarded: never */
};

/* Begins a sampler, whatever was in it: nothing is chosen yet. And seeds it anew alone. */
void sample_begin(struct sampler *sampler, uint64_t seed);
void sample_seed(struct sampler *sampler, uint64_t seed);

/* Starts (distance R ≥ 1) or stops (0) sampling; all draws are made anew. */
void sample_start(struct sampler *sampler, uint64_t distance);

/* Begins to choose one in `one_in` (≥ 1) allocations to be guarded; 0: none. */
void sample_guard(struct sampler *sampler, uint64_t one_in);

int64_t sample_draw(struct sampler *sampler, unsigned class);
int64_t sample_until_next(struct sampler *sampler, unsigned class);

/*
 * Blocks of the class that pass before the next sampled or guarded one; SAMPLE_NEVER when there is
 * none to come.
 */
static inline int64_t sample_until(struct sampler *sampler, unsigned class)
{
	return likely(!sampler->cutting) ? SAMPLE_NEVER : sample_until_next(sampler, class);
}

/* Which of the lines have chosen the next block of the class. */
static inline bool sample_is_due(const struct sampler *sampler, unsigned class)
{
	return sampler->distance && sampler->until[class] == 0;
}

static inline bool sample_guard_is_due(const struct sampler *sampler, unsigned class)
{
	return sampler->guarding && sampler->guard_until[class] == 0;
}

/* `blocks` of the class were allocated that a line did not choose. */
static inline void sample_pass(struct sampler *sampler, unsigned class, int64_t blocks)
{
	if (likely(!sampler->cutting))
		return;
	if (sampler->until[class] > 0)
		sampler->until[class] -= blocks;
	if (sampler->guard_until[class] > 0)
		sampler->guard_until[class] -= blocks;
}

/* Tells whether a single block of `bytes` is sampled. */
bool sample_once(struct sampler *sampler, size_t bytes);

/*
 * A block of `block` bytes, requested as `size`, was sampled with distance `distance`: its weight,
 * size / p, rounded at random so that the expectation is exact.
 */
uint64_t sample_weight(struct sampler *sampler, size_t size, size_t block, uint64_t distance);

/*
 * Counts a sample at time `now_ns`. Above SAMPLES_PER_SECOND_MAX the thread's R doubles, well below
 * it halves, down to `base`. A draw that was made keeps its R, so that weights stay unbiased.
 */
void sample_count(struct sampler *sampler, uint64_t now_ns, uint64_t base);

/* -ln(1 - u) for 0 ≤ u < 1, and 1 - exp(-x) for x ≥ 0; relative error below 1e-9. No libm: a
 * preloaded library should not bring one into every process. */
double sample_exponential(double u);
double sample_probability(double x);

bool sample_is_valid(const struct sampler *sampler);

#endif
