/* SPDX-License-Identifier: MIT */
/*
 * main() of the unit-test programs: `PROGRAM [SUBSTRING]` runs the tests whose name contains it. On
 * a terminal, and with HARNESS_VERBOSE, it says so when one begins.
 */
#include "tests/harness.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const struct harness_test __start_harness_tests[], __stop_harness_tests[];

static const char *skip_reason;
static unsigned passed, failed, skipped;
static int verbose;

void harness_skip(const char *why)
{
	skip_reason = why;
}

static void on_start(const CU_pTest test, const CU_pSuite suite)
{
	skip_reason = NULL;
	if (verbose) {
		printf("run   %s: %s\n", suite->pName, test->pName);
		fflush(stdout);
	}
}

static void on_complete(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
	if (failure) {
		failed++;
		printf("FAIL  %s: %s\n", suite->pName, test->pName);
		for (CU_pFailureRecord f = failure; f; f = f->pNext)
			printf("      %s:%u: %s\n", f->strFileName, f->uiLineNumber,
			       f->strCondition);
	} else if (skip_reason) {
		skipped++;
		printf("skip  %s: %s: %s\n", suite->pName, test->pName, skip_reason);
	} else {
		passed++;
		printf("ok    %s: %s\n", suite->pName, test->pName);
	}
	fflush(stdout);
}

static CU_pSuite suite_of(const char *file)
{
	char path[512];
	snprintf(path, sizeof(path), "%s", file);
	CU_pSuite suite = CU_get_suite(path);
	return suite ? suite : CU_add_suite(path, NULL, NULL);
}

int main(int argc, char **argv)
{
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	verbose = isatty(STDOUT_FILENO) || getenv("HARNESS_VERBOSE");
	for (const struct harness_test *t = __start_harness_tests; t < __stop_harness_tests; t++)
		if (argc < 2 || strstr(t->name, argv[1]))
			CU_add_test(suite_of(t->file), t->name, t->run);
	CU_set_test_start_handler(on_start);
	CU_set_test_complete_handler(on_complete);
	CU_run_all_tests();
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed || passed + skipped == 0;
}
