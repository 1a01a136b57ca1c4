/* SPDX-License-Identifier: MIT */
/*
 * A generator of six instructions (the "wyrand" mixer: one 64x64 multiplication of a Weyl
 * sequence), so that the loop around the allocator stays small. Same seed, same sequence.
 */
#ifndef BENCH_RANDOM_H
#define BENCH_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state;
};

static inline struct random random_seed(uint64_t seed, uint64_t stream)
{
	struct random random = {(seed + 1) * 0x9e3779b97f4a7c15ull ^
	                        (stream + 1) * 0xd1342543de82ef95ull};
	return random;
}

static inline uint64_t random_next(struct random *random)
{
	random->state += 0xa0761d6478bd642full;
	unsigned __int128 product =
	        (unsigned __int128)random->state * (random->state ^ 0xe7037ed1a0b428dbull);
	return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

/* Two independent numbers of one draw: uniform in [0, bound), bound < 2^32. */
static inline uint32_t random_low(uint64_t draw, uint32_t bound)
{
	return (uint32_t)(((draw & 0xffffffffu) * bound) >> 32);
}

static inline uint32_t random_high(uint64_t draw, uint32_t bound)
{
	return (uint32_t)(((draw >> 32) * bound) >> 32);
}

/* Log-uniform in [2^low_bits, 2^high_bits): every power of two is as likely as the next. */
static inline uint64_t random_log(uint64_t draw, unsigned low_bits, unsigned high_bits)
{
	uint64_t power = 1ull << (low_bits + random_high(draw, high_bits - low_bits));
	return power + ((draw & 0xffffffffu) * power >> 32);
}

#endif
