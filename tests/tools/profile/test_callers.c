/* SPDX-License-Identifier: MIT */
/* Callers are added up over all stacks. */
#include "tests/harness.h"

#include <string.h>

#include "tools/profile/callers.h"

TEST(callers_are_added_up_over_stacks_heaviest_first)
{
	static const char *const a[] = {"main", "parse", "malloc"};
	static const char *const b[] = {"main", "load", "parse", "malloc"};
	static const char *const c[] = {"main", "load", "calloc"};
	struct profile *profile = profile__new("allocated bytes", "bytes");
	struct caller_row rows[4];

	CHECK(profile != NULL);
	CHECK(!profile__add(profile, a, 3, 100, 1));
	CHECK(!profile__add(profile, b, 4, 50, 2));
	CHECK(!profile__add(profile, c, 3, 120, 1));
	CHECK(callers__top(profile, rows, 4) == 2);
	CHECK(!strcmp(rows[0].caller, "parse") && !strcmp(rows[0].entry, "malloc"));
	CHECK(rows[0].weight == 150 && rows[0].samples == 3);
	CHECK(!strcmp(rows[1].caller, "load") && !strcmp(rows[1].entry, "calloc"));
	CHECK(callers__top(profile, rows, 1) == 1);
	profile__free(profile);
}
