/* SPDX-License-Identifier: MIT */
/* Which of the two ways to a probe site is taken, and that a missing probe is refused. */
#include "tests/harness.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tools/attach/selftest.h"
#include "tools/attach/uprobe.h"
#include "tools/target/object.h"

TEST(uprobe_multi_is_used_from_the_kernel_on_that_sees_all_threads)
{
	CHECK(!uprobe__release_has_multi("5.15.0-91-generic"));
	CHECK(!uprobe__release_has_multi("6.6.8"));
	CHECK(!uprobe__release_has_multi("6.9.12-200.fc40.x86_64"));
	CHECK(uprobe__release_has_multi("6.10.0"));
	CHECK(uprobe__release_has_multi("6.18.44-fc-v669"));
	CHECK(uprobe__release_has_multi("7.0.1"));
	CHECK(!uprobe__release_has_multi("strange"));
}

TEST(uprobe_of_a_probe_that_is_not_there_is_refused)
{
	const struct object object = {.site_count = 1,
	                              .sites = {{.provider = "hakmem", .name = "tally"}}};

	CHECK(!uprobe__attach(NULL, getpid(), "/proc/self/exe", &object, "hakmem", "none"));
	CHECK(errno == ENOENT);
	CHECK(!uprobe__attach(NULL, getpid(), "/proc/self/exe", &object, "otel_memory", "tally"));
	uprobe__detach(NULL);
}
