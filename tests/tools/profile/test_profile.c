/* SPDX-License-Identifier: MIT */
/* Profiles merge stacks, and are walked in order, however deep. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness.h"
#include "tools/base/intern.h"
#include "tools/profile/profile.h"

#define ADD(profile, weight, count, ...)                          \
	profile__add(profile, (const char *const[]){__VA_ARGS__}, \
	             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), weight, count)

struct seen {
	char text[1024];
	size_t frames;
	double self_weight;
	uint64_t self_count;
};

static int see(const struct profile_frame *frame, void *arg)
{
	struct seen *seen = arg;
	size_t used = strlen(seen->text);
	if (used + 100 < sizeof(seen->text))
		snprintf(seen->text + used, sizeof(seen->text) - used, "%zu:%s@%g+%g/%u ",
		         frame->depth, frame->name, frame->offset, frame->weight,
		         (unsigned)frame->count);
	seen->frames++;
	seen->self_weight += frame->self_weight;
	seen->self_count += frame->self_count;
	return frame->name[0] == '!' ? PROFILE_OVER : frame->name[0] == '?' ? -77 : PROFILE_INTO;
}

TEST(intern_gives_equal_strings_one_address)
{
	struct intern *set = intern__new();
	REQUIRE(set != NULL);
	static const char *addresses[20000];
	char text[32];
	for (int i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "name %d", i);
		addresses[i] = intern__string(set, text);
		REQUIRE(addresses[i] != text && !strcmp(addresses[i], text));
	}
	for (int i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "name %d", i);
		REQUIRE(intern__string(set, text) == addresses[i]);
	}
	CHECK(intern__bytes(set, "name 77 and more", 7) == addresses[77]);
	CHECK(!strcmp(intern__string(set, ""), ""));
	char *large = malloc(300000);
	memset(large, 'x', 299999);
	large[299999] = '\0';
	CHECK(!strcmp(intern__string(set, large), large));
	free(large);
	intern__free(set);
	intern__free(NULL);
}

TEST(profile_merges_stacks)
{
	struct profile *p = profile__new("a title", "bytes");
	REQUIRE(p != NULL);
	CHECK(ADD(p, 10, 1, "main", "b", "c") == 0);
	CHECK(ADD(p, 5, 2, "main", "b") == 0);
	CHECK(ADD(p, 1, 1, "main", "b", "c") == 0);
	CHECK(ADD(p, 2, 1, "main", "a") == 0);
	CHECK(ADD(p, 4, 1, "b", "c") == 0); /* the same names elsewhere */
	CHECK(profile__weight(p) == 22);
	CHECK(profile__count(p) == 6);
	CHECK(!strcmp(profile__title(p), "a title") && !strcmp(profile__unit(p), "bytes"));
	struct seen seen = {0};
	CHECK(profile__walk(p, see, &seen) == 0);
	CHECK(!strcmp(seen.text,
	              "0:b@0+4/1 1:c@0+4/1 0:main@4+18/5 1:a@4+2/1 1:b@6+16/4 2:c@6+11/2 "));
	CHECK(seen.self_weight == 22 && seen.self_count == 6);
	profile__free(p);
	profile__free(NULL);
}

TEST(profile_walk_can_be_cut)
{
	struct profile *p = profile__new("", "");
	REQUIRE(p != NULL);
	struct seen seen = {0};
	CHECK(profile__walk(p, see, &seen) == 0 && seen.frames == 0);
	ADD(p, 1, 1, "!over", "x");
	ADD(p, 1, 1, "a", "y");
	CHECK(profile__walk(p, see, &seen) == 0);
	CHECK(!strcmp(seen.text, "0:!over@0+1/1 0:a@1+1/1 1:y@1+1/1 "));
	ADD(p, 1, 1, "?error", "z");
	seen = (struct seen){0};
	CHECK(profile__walk(p, see, &seen) == -77);
	CHECK(seen.frames == 2);
	profile__free(p);
}

TEST(profile_takes_stacks_without_names)
{
	struct profile *p = profile__new("", "");
	REQUIRE(p != NULL);
	CHECK(profile__add(p, NULL, 0, 3, 1) == 0);
	CHECK(ADD(p, 1, 1, "", NULL) == 0);
	struct seen seen = {0};
	CHECK(profile__walk(p, see, &seen) == 0);
	CHECK(!strcmp(seen.text, "0:[unknown]@0+4/2 1:[unknown]@0+1/1 "));
	profile__free(p);
}

TEST(profile_holds_a_hundred_thousand_deep_stacks)
{
	enum { STACKS = 100000, DEPTH = 256, NAMES = 997 };
	static char names[NAMES][24];
	for (int i = 0; i < NAMES; i++)
		snprintf(names[i], sizeof(names[i]), "function_%d", i);
	struct profile *p = profile__new("large", "bytes");
	REQUIRE(p != NULL);
	double sum = 0;
	for (unsigned i = 0; i < STACKS; i++) {
		const char *frames[DEPTH];
		for (unsigned d = 0; d < DEPTH; d++)
			frames[d] = names[d % NAMES];
		/* Distinct in the innermost five. */
		for (unsigned d = DEPTH - 5, rest = i; d < DEPTH; d++, rest /= 10)
			frames[d] = names[rest % 10];
		sum += i;
		REQUIRE(profile__add(p, frames, DEPTH, i, 1) == 0);
	}
	CHECK(profile__weight(p) == sum);
	struct seen seen = {0};
	CHECK(profile__walk(p, see, &seen) == 0);
	CHECK(seen.frames == DEPTH - 5 + 10 + 100 + 1000 + 10000 + 100000);
	CHECK(fabs(seen.self_weight - sum) < 1e-3);
	CHECK(seen.self_count == STACKS);
	profile__free(p);
}
