/* SPDX-License-Identifier: MIT */
#include "sample.h"

#include <string.h>

#include "size_class.h"

static uint64_t rotate(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

/* xoroshiro128+, Blackman & Vigna, "Scrambled Linear Pseudorandom Number Generators", 2018. */
static uint64_t next_random(struct sampler *sampler)
{
	uint64_t a = sampler->random[0], b = sampler->random[1];
	uint64_t result = a + b;
	b ^= a;
	sampler->random[0] = rotate(a, 24) ^ b ^ (b << 16);
	sampler->random[1] = rotate(b, 37);
	return result;
}

/* Uniform in [0, 1) with 53 bits. */
static double next_uniform(struct sampler *sampler)
{
	return (double)(next_random(sampler) >> 11) * 0x1p-53;
}

/* What there is per class is set when a line begins. */
void sample_begin(struct sampler *sampler, uint64_t seed)
{
	sampler->distance = sampler->window_ns = sampler->window_count = 0;
	sampler->guarding = false;
	sampler->cutting = sampler->always;
	sample_seed(sampler, seed);
}

/* splitmix64 spreads the seed. */
void sample_seed(struct sampler *sampler, uint64_t seed)
{
	for (int i = 0; i < 2; i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15u;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		sampler->random[i] = z ^ z >> 31;
	}
}

#define LN2 0.693147180559945309417

double sample_exponential(double u)
{
	/* 1 - u = m * 2^e with m in [sqrt(1/2), sqrt(2)); ln m = 2 atanh((m - 1) / (m + 1)) */
	double x = 1.0 - u;
	uint64_t bits;
	memcpy(&bits, &x, sizeof(bits));
	int exponent = (int)(bits >> 52) - 1023;
	bits = (bits & 0xfffffffffffffu) | 0x3ff0000000000000u;
	double m;
	memcpy(&m, &bits, sizeof(m));
	if (m > 1.41421356237309504880) {
		m *= 0.5;
		exponent++;
	}
	double t = (m - 1.0) / (m + 1.0), t2 = t * t, sum = 0.0;
	for (int k = 21; k >= 1; k -= 2)
		sum = sum * t2 + 1.0 / k;
	return -(2.0 * t * sum + exponent * LN2);
}

double sample_probability(double x)
{
	if (x > 40.0)
		return 1.0;
	if (x > 0.5) { /* 1 - e^-x = q (2 - q) with q = 1 - e^-(x/2) */
		double q = sample_probability(x * 0.5);
		return q * (2.0 - q);
	}
	double sum = 0.0;
	for (int k = 14; k >= 1; k--) /* x (1 - x/2 (1 - x/3 (…))) */
		sum = x / k * (1.0 - sum);
	return sum;
}

void sample_start(struct sampler *sampler, uint64_t distance)
{
	sampler->distance = distance;
	sampler->cutting = distance || sampler->guarding || sampler->always;
	sampler->window_count = 0;
	for (unsigned c = 0; c < HAK_CLASS_COUNT; c++)
		sampler->until[c] = -1;
}

static double draw_bytes(struct sampler *sampler)
{
	return sample_exponential(next_uniform(sampler)) * (double)sampler->distance;
}

int64_t sample_draw(struct sampler *sampler, unsigned class)
{
	sampler->until[class] = (int64_t)(draw_bytes(sampler) / (double)size_class_size(class));
	sampler->drawn_at[class] = sampler->distance;
	return sampler->until[class];
}

void sample_guard(struct sampler *sampler, uint64_t one_in)
{
	sampler->guarding = one_in != 0;
	sampler->cutting = sampler->distance || sampler->guarding || sampler->always;
	if (!one_in)
		return;
	sampler->guard_mean = one_in > 1 ? 1.0 / sample_exponential(1.0 / (double)one_in) : 0.0;
	for (unsigned c = 0; c < HAK_CLASS_COUNT; c++)
		sampler->guard_until[c] = size_class_size(c) <= GUARD_BLOCK_MAX ? -1 : SAMPLE_NEVER;
}

/* The number of failures before a success of chance 1/N is geometric: floor(E / -ln(1 - 1/N)). */
static int64_t draw_guard(struct sampler *sampler, unsigned class)
{
	double blocks = sample_exponential(next_uniform(sampler)) * sampler->guard_mean;
	return sampler->guard_until[class] = (int64_t)blocks;
}

int64_t sample_until_next(struct sampler *sampler, unsigned class)
{
	int64_t until = SAMPLE_NEVER, guard = SAMPLE_NEVER;
	if (sampler->distance) {
		until = sampler->until[class];
		until = until < 0 ? sample_draw(sampler, class) : until;
	}
	if (sampler->guarding) {
		guard = sampler->guard_until[class];
		guard = guard < 0 ? draw_guard(sampler, class) : guard;
	}
	return until < guard ? until : guard;
}

bool sample_once(struct sampler *sampler, size_t bytes)
{
	return sampler->distance && draw_bytes(sampler) < (double)bytes;
}

uint64_t sample_weight(struct sampler *sampler, size_t size, size_t block, uint64_t distance)
{
	double p = sample_probability((double)block / (double)distance);
	return (uint64_t)((double)size / p + next_uniform(sampler));
}

enum { WINDOW_MS = 100, WINDOW_MAX = SAMPLES_PER_SECOND_MAX * WINDOW_MS / 1000 };

void sample_count(struct sampler *sampler, uint64_t now_ns, uint64_t base)
{
	if (now_ns - sampler->window_ns >= WINDOW_MS * 1000000ull) {
		if (sampler->window_count < WINDOW_MAX / 4 && sampler->distance / 2 >= base)
			sampler->distance /= 2;
		sampler->window_ns = now_ns;
		sampler->window_count = 0;
	}
	if (++sampler->window_count > WINDOW_MAX) {
		sampler->distance *= 2;
		sampler->window_count = 0;
	}
}

static bool line_is_valid(int64_t until)
{
	return until >= -1;
}

bool sample_is_valid(const struct sampler *sampler)
{
	if (sampler->cutting != (sampler->distance || sampler->guarding || sampler->always))
		return false;
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++) {
		if (sampler->distance && !line_is_valid(sampler->until[c]))
			return false;
		if (sampler->guarding && !line_is_valid(sampler->guard_until[c]))
			return false;
	}
	return true;
}
