/* SPDX-License-Identifier: MIT */
/* A claim holds only where the proof of the process says so. */
#include "tests/harness.h"

#include <stdio.h>
#include <string.h>

#include "bench/lab/claims.h"

static const char table[] = "| option | values |\n"
                            "| `HAKMEM_PROFILE` | speed, lean, secure | speed | Preset. |\n"
                            "| `HAKMEM_PURGE_MS` | 0 to 3600000 | 1000 | Milliseconds. |\n";

/* A proof of a process whose library is libc (so that no file is needed), with `rest` added. */
static bool holds(const struct arm *arm, const char *rest, char why[ARM_WHY])
{
	char text[512];
	snprintf(text, sizeof(text), "{\"allocator\":\"/lib/libc.so.6\",\"build_id\":null%s}",
	         rest);
	json_object *proof = json_tokener_parse(text);
	*why = '\0';
	bool held = claims_hold(arm, proof, table, why);
	json_object_put(proof);
	return held;
}

#define NORMAL  ",\"owned\":true,\"in_heap\":false,\"mode\":\"normal\""
#define FORCED  ",\"owned\":false,\"in_heap\":true,\"mode\":\"libc\""
#define CHECKED ",\"owned\":true,\"in_heap\":false,\"mode\":\"checked\""

TEST(claims_words_are_positions)
{
	CHECK(claims_word(table, "HAKMEM_PROFILE", "speed") == 0);
	CHECK(claims_word(table, "HAKMEM_PROFILE", "secure") == 2);
	CHECK(claims_word(table, "HAKMEM_PROFILE", "sec") == -1);
	CHECK(claims_word(table, "HAKMEM_NONE", "speed") == -1);
	CHECK(claims_word(NULL, "HAKMEM_PROFILE", "speed") == -1);
}

TEST(claims_setting_reads_back)
{
	char why[ARM_WHY];
	struct arm arm = {.name = "A", .settings = {"HAKMEM_PROFILE=lean"}};
	CHECK(holds(&arm, NORMAL ",\"options\":{\"HAKMEM_PROFILE\":1}", why));
	CHECK(!holds(&arm, NORMAL ",\"options\":{\"HAKMEM_PROFILE\":0}", why));
	CHECK(strstr(why, "HAKMEM_PROFILE=lean had no effect: 0 is in force") != NULL);
	CHECK(!holds(&arm, NORMAL ",\"options\":{\"HAKMEM_PROFILE\":null}", why));
	CHECK(strstr(why, "knows no such option") != NULL);
	CHECK(!holds(&arm, NORMAL ",\"options\":{}", why));
}

TEST(claims_forced_libc_needs_the_owner)
{
	char why[ARM_WHY];
	struct arm arm = {.name = "A", .settings = {"HAKMEM_FORCE_LIBC_ALLOC=1"}};
	CHECK(holds(&arm, FORCED ",\"options\":{\"HAKMEM_FORCE_LIBC_ALLOC\":1}", why));
	CHECK(!holds(&arm, NORMAL ",\"options\":{\"HAKMEM_FORCE_LIBC_ALLOC\":1}", why));
	CHECK(!holds(&arm,
	             ",\"owned\":true,\"in_heap\":false,\"mode\":\"libc\","
	             "\"options\":{\"HAKMEM_FORCE_LIBC_ALLOC\":1}",
	             why));
	CHECK(strstr(why, "libhakmem's, not glibc's") != NULL);
}

TEST(claims_checked_mode_needs_its_effect)
{
	char why[ARM_WHY];
	struct arm arm = {.name = "A", .settings = {"HAKMEM_FASTLANE_DIRECT=0"}};
	const char *option = ",\"options\":{\"HAKMEM_FASTLANE_DIRECT\":0}";
	char rest[256];
	snprintf(rest, sizeof(rest), CHECKED ",\"double_free_caught\":true%s", option);
	CHECK(holds(&arm, rest, why));
	snprintf(rest, sizeof(rest), CHECKED ",\"double_free_caught\":false%s", option);
	CHECK(!holds(&arm, rest, why));
	CHECK(strstr(why, "not caught at once") != NULL);
	snprintf(rest, sizeof(rest), NORMAL "%s", option);
	CHECK(!holds(&arm, rest, why));
	CHECK(strstr(why, "mode normal is in force, not checked") != NULL);
}

TEST(claims_library_must_be_the_one)
{
	char why[ARM_WHY];
	struct arm arm = {.name = "A", .library = "/nowhere/libhakmem.so"};
	CHECK(!holds(&arm, NORMAL, why));
	CHECK(strstr(why, "malloc is in /lib/libc.so.6, not in /nowhere/libhakmem.so") != NULL);
}
