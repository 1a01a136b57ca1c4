/* SPDX-License-Identifier: MIT */
/*
 * Where CPU time goes: samples of instruction pointers put into zones and functions. Time in a zone
 * is the process's CPU time by its share of the samples; divided by exact counts of operations it
 * gives ns per malloc and so on, without touching them.
 */
#ifndef HAK_COST_H
#define HAK_COST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/cost.h"

enum zone {
	ZONE_MALLOC,      /* the allocator's entries on the malloc side: the hot path */
	ZONE_FREE,        /* on the free side */
	ZONE_OTHER,       /* its other entries: malloc_usable_size, mallinfo, … */
	ZONE_COLD,        /* the allocator's inside: exchange, fill, drain, spans */
	ZONE_OS,          /* kernel time below the allocator */
	ZONE_LIBC,        /* libc in user space */
	ZONE_PROBE,       /* the probes' sites while something is attached: what watching costs */
	ZONE_APPLICATION, /* the rest, its kernel time included */
	ZONE_COUNT,
};

struct cost_zones {
	uint64_t samples[ZONE_COUNT];
	uint64_t weight[ZONE_COUNT];
};

struct cost_function {
	const char *name;
	const char *module;
	enum zone zone;
	bool kernel; /* time in the kernel on the function's behalf */
	uint64_t samples;
	uint64_t weight;
};

/* A value and its standard error, by the square root of the number of samples. */
struct cost_estimate {
	double value; /* NaN when there was nothing to divide by */
	double error;
};

struct cost;
struct target;
struct unwinder;

/*
 * `target` and `unwinder` must live as long. Without an unwinder (NULL: the process's memory may
 * not be read) only the allocator's functions have names. NULL and errno on failure.
 */
struct cost *cost__new(const struct target *target, struct unwinder *unwinder);

/* Accepts NULL. */
void cost__free(struct cost *cost);

/* Adds samples at one instruction pointer. 0 or -ENOMEM. */
int cost__add(struct cost *cost, const struct hak_ip_key *key, const struct hak_ip_count *count);

/* Begins a new interval for cost__top(); zones are the caller's to subtract. */
void cost__begin_interval(struct cost *cost);

/* Zones since the beginning. */
const struct cost_zones *cost__zones(const struct cost *cost);

/*
 * The functions with the most weight in the interval, or `since_start`; at most `max`, the heaviest
 * first. Returns how many.
 */
size_t cost__top(const struct cost *cost, bool since_start, struct cost_function *top, size_t max);

void cost_zones__subtract(struct cost_zones *difference, const struct cost_zones *now,
                          const struct cost_zones *before);
uint64_t cost_zones__samples(const struct cost_zones *zones);

/* Share of a zone in all weight, 0 … 1. */
struct cost_estimate cost_zones__share(const struct cost_zones *zones, enum zone zone);

/* ns per operation: the zone's share of `cpu_ns`, divided by `operations`. */
struct cost_estimate cost_zones__per(const struct cost_zones *zones, enum zone zone,
                                     uint64_t cpu_ns, uint64_t operations);

/* Share of all the allocator's entries. */
double cost_zones__wrapper(const struct cost_zones *zones);

const char *zone__name(enum zone zone);

#endif
