/* SPDX-License-Identifier: MIT */
/* Names of code made at run time, from files that the target writes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness.h"
#include "tools/symbols/perf_map.h"

static struct intern *names;

/* Of no process: only what is parsed counts. */
static struct perf_map *parse(const char *text)
{
	struct perf_map *map;
	FILE *file = fmemopen((void *)text, strlen(text), "r");

	names = intern__new();
	map = perf_map__new(0, names);
	if (perf_map__parse(map, file)) {
		perf_map__free(map);
		map = NULL;
	}
	fclose(file);
	return map;
}

static bool is(struct perf_map *map, uint64_t address, const char *name)
{
	const char *found = perf_map__name(map, address);

	return name ? found && !strcmp(found, name) : !found;
}

TEST(perf_map_names_have_extents)
{
	struct perf_map *map = parse("1000 20 LazyCompile:*run /a b.js:1\n0x2000 0x10 py::f\n");

	REQUIRE(map != NULL);
	CHECK(is(map, 0xfff, NULL));
	CHECK(is(map, 0x1000, "LazyCompile:*run /a b.js:1"));
	CHECK(is(map, 0x101f, "LazyCompile:*run /a b.js:1"));
	CHECK(is(map, 0x1020, NULL));
	CHECK(is(map, 0x2008, "py::f"));
	CHECK(is(map, UINT64_MAX, NULL));
	perf_map__free(map);
	intern__free(names);
}

TEST(perf_map_later_lines_replace_earlier_ones)
{
	struct perf_map *map = parse("1000 100 old\n1040 10 new\n1000 8 newest\n");

	REQUIRE(map != NULL);
	CHECK(is(map, 0x1000, "newest"));
	CHECK(is(map, 0x1008, "old"));
	CHECK(is(map, 0x1048, "new"));
	CHECK(is(map, 0x1050, "old"));
	perf_map__free(map);
	intern__free(names);
}

TEST(perf_map_passes_over_nonsense)
{
	struct perf_map *map = parse("\nhello\n1000\n1000 10\n1000 10 \n2000 0 empty\n"
	                             "ffffffffffffff00 fff around\n3000 10 good\n4000 10 half");

	REQUIRE(map != NULL);
	CHECK(is(map, 0x1000, NULL));
	CHECK(is(map, 0x2000, NULL));
	CHECK(is(map, 0xffffffffffffff80, NULL));
	CHECK(is(map, 0x3000, "good"));
	CHECK(is(map, 0x4000, NULL)); /* still being written */
	perf_map__free(map);
	intern__free(names);
}

TEST(perf_map_that_is_no_text_is_refused)
{
	static char zeros[300000], line[200000];
	struct perf_map *map;

	CHECK(parse(line) != NULL); /* empty */
	memset(line, 'x', sizeof(line) - 2);
	line[sizeof(line) - 2] = '\n';
	CHECK(parse(line) == NULL);
	map = perf_map__new(0, names);
	REQUIRE(map != NULL);
	FILE *file = fmemopen(zeros, sizeof(zeros), "r");

	CHECK(perf_map__parse(map, file) == -EFBIG);
	fclose(file);
	perf_map__free(map);
}

/* Lines that all cover everything: asking for an address stays cheap. */
TEST(perf_map_of_lines_that_overlap_is_searched_in_time)
{
	const size_t lines = 200000;
	char *text = malloc(lines * 32), *at = text;
	struct perf_map *map;
	clock_t begin;

	REQUIRE(text != NULL);
	for (size_t i = 0; i < lines; i++)
		at += sprintf(at, "%zx ffffffff00000 f\n", i);
	map = parse(text);
	free(text);
	REQUIRE(map != NULL);
	CHECK(is(map, 0x100000, "f"));
	begin = clock();
	for (int i = 0; i < 2000; i++)
		CHECK(perf_map__name(map, 0x100000) != NULL);
	CHECK(clock() - begin < CLOCKS_PER_SEC);
	perf_map__free(map);
	intern__free(names);
}

/* The file of this very process, as a runtime would write it. */
TEST(perf_map_finds_the_file_and_what_is_added)
{
	char path[64];
	struct perf_map *map;
	FILE *file;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	file = fopen(path, "w");
	REQUIRE(file != NULL);
	names = intern__new();
	map = perf_map__new(getpid(), names);
	fputs("1000 10 first\n20", file);
	fflush(file);
	CHECK(is(map, 0x1000, "first"));
	fputs("00 10 second\n", file);
	fclose(file);
	usleep(300 * 1000); /* until the next look */
	CHECK(is(map, 0x2000, "second"));
	CHECK(is(map, 0x1000, "first"));
	unlink(path);
	perf_map__free(map);
	intern__free(names);
}
