/* SPDX-License-Identifier: MIT */
/* What is missing is named, and nothing else. */
#include "tests/harness.h"

#include <string.h>

#include "tools/base/privileges.h"

TEST(privileges_are_named_precisely)
{
	const uint64_t admin = 1ull << 21, perfmon = 1ull << 38, bpf = 1ull << 39;
	char names[64];

#define MISSING(effective) privileges__missing(effective, names, sizeof(names))
	CHECK(!strcmp(MISSING(0), "CAP_BPF, CAP_PERFMON"));
	CHECK(!strcmp(MISSING(bpf), "CAP_PERFMON"));
	CHECK(!strcmp(MISSING(perfmon), "CAP_BPF"));
	CHECK(!strcmp(MISSING(perfmon | bpf), ""));
	CHECK(!strcmp(MISSING(admin), ""));
#undef MISSING
	CHECK(privileges__may_trace(1ull << 19) && !privileges__may_trace(admin));
}
