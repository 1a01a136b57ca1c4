/* SPDX-License-Identifier: MIT */
/* Traces: whole ones are read, others refused; which object lies at an address. */
#include "tests/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/random.h"
#include "bench/trace/recorder/objects.h"
#include "bench/trace/reader.h"

enum { NONE = TRACE_NO_OBJECT, MANY = 200000, SPAN = 1 << 12 };

/* What trace_open() says of a file of these records. */
static const char *opened(const struct trace_record *records, uint32_t count,
                          const struct trace_header *claims)
{
	char path[] = "/tmp/trace.XXXXXX";
	struct trace_header header = *claims;
	struct trace trace;
	memcpy(header.magic, TRACE_MAGIC, sizeof(header.magic));
	int fd = mkstemp(path);
	REQUIRE(fd >= 0);
	REQUIRE(write(fd, &header, sizeof(header)) == sizeof(header));
	REQUIRE(write(fd, records, count * sizeof(*records)) ==
	        (ssize_t)(count * sizeof(*records)));
	close(fd);
	const char *wrong = trace_open(&trace, path);
	if (!wrong)
		trace_close(&trace);
	unlink(path);
	return wrong;
}

static const struct trace_record good[] = {
        {NONE, 0, TRACE_MALLOC, 0, 100}, {NONE, 1, TRACE_MEMALIGN, 6, 64},
        {0, 1, TRACE_REALLOC, 0, 200},   {2, 0, TRACE_FREE, 0, 0},
        {NONE, 0, TRACE_FREE, 0, 0},
};
static const struct trace_header good_header = {
        .records = 5, .objects = 3, .bytes = 364, .threads = 2};

TEST(trace_good_one_is_read)
{
	CHECK(opened(good, 5, &good_header) == NULL);
}

TEST(trace_bad_ones_are_refused)
{
	struct trace_header header = good_header;
	struct trace_record records[5];
	header.records = 6;
	CHECK(opened(good, 5, &header) != NULL); /* truncated */
	header = good_header;
	header.bytes = 365;
	CHECK(opened(good, 5, &header) != NULL);
	header = good_header;
	header.objects = 2;
	CHECK(opened(good, 5, &header) != NULL);
	header = good_header;
	header.threads = 1;
	CHECK(opened(good, 5, &header) != NULL);
	memcpy(records, good, sizeof(good));
	records[3].object = 0; /* ended by the realloc */
	CHECK(opened(records, 5, &good_header) != NULL);
	records[3].object = 3; /* never made */
	CHECK(opened(records, 5, &good_header) != NULL);
	records[3] = good[3];
	records[0].op = TRACE_OPS;
	CHECK(opened(records, 5, &good_header) != NULL);
	CHECK(opened(good, 0, &(struct trace_header){.threads = 1}) != NULL); /* empty */
}

TEST(trace_no_file_has_a_reason)
{
	struct trace trace;
	CHECK(trace_open(&trace, "/nowhere/trace") != NULL);
	CHECK(trace_open(&trace, "/dev/null") != NULL);
}

/* Against an array: every address of a small range is there or not. */
TEST(objects_table_agrees_with_an_array)
{
	static uint32_t expected[SPAN]; /* number + 1; 0 = not there */
	struct objects objects;
	struct random random = random_seed(3, 0);
	uint32_t number = 0;
	REQUIRE(objects_open(&objects));
	memset(expected, 0, sizeof(expected));
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t place = random_low(random_next(&random), SPAN);
		const void *address = (const void *)(0x7f0000000000 + (uintptr_t)place * 16);
		bool there = objects_remove(&objects, address, &number);
		REQUIRE(there == (expected[place] != 0));
		REQUIRE(!there || number + 1 == expected[place]);
		if (!there)
			REQUIRE(objects_add(&objects, address, i));
		expected[place] = there ? 0 : i + 1;
	}
	objects_close(&objects);
}

TEST(objects_table_grows)
{
	struct objects objects;
	uint32_t number, wrong = 0;
	REQUIRE(objects_open(&objects));
	for (uintptr_t i = 1; i <= MANY; i++)
		REQUIRE(objects_add(&objects, (const void *)(i * 48), (uint32_t)i));
	for (uintptr_t i = MANY; i >= 1; i--)
		wrong += !objects_remove(&objects, (const void *)(i * 48), &number) || number != i;
	CHECK(wrong == 0);
	CHECK(objects.count == 0);
	objects_close(&objects);
}
