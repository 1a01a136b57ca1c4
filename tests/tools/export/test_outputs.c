/* SPDX-License-Identifier: MIT */
/* Which file gets which kinds of flame graph. */
#include <string.h>

#include "tests/harness.h"
#include "tools/export/outputs.h"
#include "tools/profile/stacks.h"

enum {
	ALLOC = 1 << FLAME_ALLOC,
	LIVE = 1 << FLAME_LIVE,
	CPU = 1 << FLAME_CPU,
};

TEST(outputs_parse_kinds)
{
	CHECK(outputs__parse_kinds("alloc", 5) == ALLOC);
	CHECK(outputs__parse_kinds("alloc,live,cpu", 14) == (ALLOC | LIVE | CPU));
	CHECK(outputs__parse_kinds("alloc=x", 5) == ALLOC);
	CHECK(outputs__parse_kinds("", 0) == 0);
	CHECK(outputs__parse_kinds("alloc,", 6) == 0);
	CHECK(outputs__parse_kinds("alloc,disk", 10) == 0);
	CHECK(outputs__parse_kinds("allo", 4) == 0);
}

TEST(outputs_go_by_kind)
{
	struct outputs outputs = {0};

	CHECK(!outputs__add(&outputs, "a.svg", ALLOC));
	CHECK(!outputs__add(&outputs, "live=a=b.svg", ALLOC | LIVE));
	CHECK(!outputs__add(&outputs, "x=y.svg", ALLOC));
	CHECK(!outputs__add(&outputs, "heap.pb.gz", ALLOC | LIVE));
	CHECK(!outputs__add(&outputs, "all.speedscope.json", ALLOC | LIVE | CPU));
	CHECK(!outputs__add(&outputs, "d/%k-1.folded", ALLOC | LIVE | CPU));
	CHECK(!outputs__add(&outputs, "alloc,cpu=%k.svg", ALLOC | LIVE | CPU));
	REQUIRE(outputs.count == 10);
	CHECK(!strcmp(outputs.list[0].path, "a.svg") && outputs.list[0].kinds == ALLOC);
	CHECK(!strcmp(outputs.list[1].path, "a=b.svg") && outputs.list[1].kinds == LIVE);
	CHECK(!strcmp(outputs.list[2].path, "x=y.svg"));
	CHECK(outputs.list[3].kinds == (ALLOC | LIVE));
	CHECK(outputs.list[4].kinds == (ALLOC | LIVE | CPU));
	CHECK(!strcmp(outputs.list[5].path, "d/alloc-1.folded"));
	CHECK(!strcmp(outputs.list[6].path, "d/live-1.folded") && outputs.list[6].kinds == LIVE);
	CHECK(!strcmp(outputs.list[7].path, "d/cpu-1.folded") && outputs.list[7].kinds == CPU);
	CHECK(!strcmp(outputs.list[9].path, "cpu.svg") && outputs.list[9].kinds == CPU);
	outputs__clear(&outputs);
}

TEST(outputs_refuse_what_is_not_clear)
{
	struct outputs outputs = {0};

	CHECK(outputs__add(&outputs, "a.svg", ALLOC | LIVE) != NULL);
	CHECK(outputs__add(&outputs, "a.pb.gz", ALLOC | CPU) != NULL);
	CHECK(outputs__add(&outputs, "cpu=a.svg", ALLOC) != NULL);
	CHECK(outputs__add(&outputs, "a.png", ALLOC) != NULL);
	CHECK(outputs.count == 0);
}
