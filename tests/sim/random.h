/* SPDX-License-Identifier: MIT */
/* Numbers that follow from a seed alone: splitmix64. */
#ifndef HAK_SIM_RANDOM_H
#define HAK_SIM_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint64_t random_mix(uint64_t z)
{
	z += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
	uint64_t z = random->state;
	random->state += 0x9e3779b97f4a7c15u;
	return random_mix(z);
}

/* 0 .. n - 1; n ≥ 1. */
static inline uint64_t random_below(struct random *random, uint64_t n)
{
	return (uint64_t)((unsigned __int128)random_next(random) * n >> 64);
}

/* True once in n times; never when n is 0. */
static inline bool random_once_in(struct random *random, uint64_t n)
{
	return n && random_below(random, n) == 0;
}

#endif
