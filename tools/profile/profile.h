/* SPDX-License-Identifier: MIT */
/*
 * A profile: stacks with weights, merged as they are added. Frame names are copied and interned.
 * Memory: about 50 bytes for each distinct frame of the merged tree, so 10^5 stacks that share
 * their outer frames take megabytes.
 */
#ifndef HAK_PROFILE_H
#define HAK_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Marks a stack that could not be followed to its start; shown as the root frame. */
#define PROFILE_TRUNCATED "[truncated]"

struct profile;

/* `unit` names the weights ("bytes", "ns"); copied. NULL and ENOMEM on failure. */
struct profile *profile__new(const char *title, const char *unit);
void profile__free(struct profile *profile);

/* Adds a stack, outermost frame first, with `weight` (in the unit) and `count` samples. A frame
 * that is NULL or "", and a stack without frames, becomes "[unknown]". 0 or -ENOMEM. */
int profile__add(struct profile *profile, const char *const *frames, size_t n, double weight,
                 uint64_t count);

/*
 * A profile may be compared with another one, an earlier or a later: then each frame has a weight
 * of that, too. Adds a stack of the other; frames that it alone has get no weight of this one. 0 or
 * -ENOMEM.
 */
enum profile_comparison { PROFILE_ALONE, PROFILE_WITH_EARLIER, PROFILE_WITH_LATER };
void profile__compare(struct profile *profile, enum profile_comparison comparison);
int profile__add_other(struct profile *profile, const char *const *frames, size_t n, double weight);
enum profile_comparison profile__compared(const struct profile *profile);
double profile__other(const struct profile *profile); /* sum of the other's weights */

double profile__weight(const struct profile *profile);  /* sum of weights */
uint64_t profile__count(const struct profile *profile); /* sum of counts */
const char *profile__title(const struct profile *profile);
const char *profile__unit(const struct profile *profile);

/* One frame of the merged tree. */
struct profile_frame {
	const char *name; /* lives as long as the profile; equal names have one address */
	size_t depth;     /* 0: outermost */
	double offset;    /* weight of all that comes before it: where its box begins */
	double weight;    /* its own and that of all frames it called */
	uint64_t count;
	double self_weight; /* of the stacks that end here */
	uint64_t self_count;
	double other;      /* as weight, of the profile that this one is compared with */
	double self_other; /* as self_weight */
};

/*
 * Calls `visit` for every frame, a caller before its callees, callees by name in byte order.
 * `visit` returns PROFILE_INTO to see the frame's callees, PROFILE_OVER not to, or -errno to end
 * the walk. 0, -ENOMEM, or what `visit` returned.
 */
enum { PROFILE_INTO = 0, PROFILE_OVER = 1 };
typedef int profile_visit_fn(const struct profile_frame *frame, void *arg);
int profile__walk(const struct profile *profile, profile_visit_fn *visit, void *arg);

#endif
