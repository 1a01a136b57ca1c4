/* SPDX-License-Identifier: MIT */
/*
 * CUnit with discovery: TEST(name) defines a test and puts it on the list, so that no test is
 * written down twice. The file's name is its suite. SKIP("why") ends the test as skipped.
 * CHECK(x) is CUnit's assertion that goes on; REQUIRE(x) the one that ends the test.
 */
#ifndef HAK_HARNESS_H
#define HAK_HARNESS_H

#include <CUnit/CUnit.h>

struct harness_test {
	const char *file;
	const char *name;
	void (*run)(void);
};

#define TEST(id)                                                                                   \
	static void id(void);                                                                      \
	static const struct harness_test harness_##id                                              \
	        __attribute__((section("harness_tests"), used, aligned(8))) = {__FILE__, #id, id}; \
	static void id(void)

#define CHECK(x)   CU_ASSERT(x)
#define REQUIRE(x) CU_ASSERT_FATAL(x)

/* Marks the running test as skipped; return from it afterwards. */
void harness_skip(const char *why);

#define SKIP(why)                  \
	do {                       \
		harness_skip(why); \
		return;            \
	} while (0)

#endif
