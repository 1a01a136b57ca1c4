/* SPDX-License-Identifier: MIT */
/* What is missing is named, and nothing else. */
#include "tests/harness.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/privileges.h"

static int keep_reading_only(uint64_t *left)
{
	int status;
	pid_t child = fork();

	if (!child) {
		if (privileges__keep(PRIVILEGES_READ))
			_exit(1);
		*left = privileges__effective();
		_exit(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 2);
	}
	return waitpid(child, &status, 0) == child ? status : -1;
}

TEST(privileges_are_dropped_but_for_what_is_needed)
{
	uint64_t *left = mmap(NULL, sizeof(*left), PROT_READ | PROT_WRITE,
	                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const uint64_t reading = 1ull << 19 | 1ull << 2 | 1ull << 40;

	REQUIRE(left != MAP_FAILED);
	CHECK(privileges__needed(PRIVILEGES_READ) == reading);
	CHECK(privileges__needed(PRIVILEGES_ATTACH) == (1ull << 39 | 1ull << 38));
	CHECK(privileges__needed(PRIVILEGES_READ | PRIVILEGES_ATTACH_PERF) ==
	      (reading | 1ull << 21));
	CHECK(keep_reading_only(left) == 0);
	CHECK(*left == (privileges__effective() & reading));
	munmap(left, sizeof(*left));
}

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
