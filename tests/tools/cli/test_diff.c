/* SPDX-License-Identifier: MIT */
/* hakprobe diff: both directions, shares, formats that it reads and refuses. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness.h"
#include "tools/cli/diff.h"
#include "tools/export/export.h"
#include "tools/profile/import.h"

static char directory[64];

static const char *in_directory(const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static void begin(void)
{
	strcpy(directory, "/tmp/hakmem-diff-XXXXXX");
	REQUIRE(mkdtemp(directory) != NULL);
}

static void end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", directory);
	CHECK(system(command) == 0);
}

static void put(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	REQUIRE(out != NULL);
	fputs(text, out);
	fclose(out);
}

static char *get(const char *path)
{
	static char text[1 << 18];
	FILE *in = fopen(path, "r");

	REQUIRE(in != NULL);
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	fclose(in);
	return text;
}

/* The fill colour of the frame `name`, -1 when it is not there; and the width of its box. */
static long fill_of(const char *svg, const char *name, double *width)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "<title>%s\n", name);
	at = strstr(svg, key);
	if (!at)
		return -1;
	at = strstr(at, "<rect");
	*width = strtod(strstr(at, "width=\"") + 7, NULL);
	return strtol(strstr(at, "fill=\"#") + 7, NULL, 16);
}

static bool is_red(long colour)
{
	return colour >= 0 && (colour >> 16 & 255) > (colour & 255) + 8;
}

static bool is_blue(long colour)
{
	return colour >= 0 && (colour & 255) > (colour >> 16 & 255) + 8;
}

static int diff(const char *const *arguments)
{
	char *argv[16] = {(char *)(uintptr_t) "diff"};
	int argc = 1;

	for (; *arguments; arguments++)
		argv[argc++] = (char *)(uintptr_t)*arguments;
	argv[argc] = NULL;
	return diff_main(argc, argv);
}

TEST(diff_shows_both_directions)
{
	const char *before, *after, *one, *two;
	double width = 0;
	char *svg;

	begin();
	before = in_directory("a.folded");
	after = in_directory("b.folded");
	one = in_directory("1.svg");
	two = in_directory("2.svg");
	put(before, "main;grew 100\nmain;shrank 300\nmain;gone 200\nmain;same 400\n");
	put(after, "main;grew 300\nmain;shrank 100\nmain;fresh 200\nmain;same 400\n");
	CHECK(diff((const char *const[]){before, after, "-o", one, "-o", two, NULL}) == 0);
	svg = get(one);
	CHECK(is_red(fill_of(svg, "grew", &width)) && width > 340 && width < 360);
	CHECK(is_red(fill_of(svg, "fresh", &width)) && is_blue(fill_of(svg, "shrank", &width)));
	CHECK(fill_of(svg, "gone", &width) < 0);
	CHECK(!is_red(fill_of(svg, "same", &width)) && !is_blue(fill_of(svg, "same", &width)));
	CHECK(strstr(svg, "100 B before, 300 B after: +200.0 % (30.0 % of all)") != NULL);
	CHECK(strstr(svg, "0 B before, 200 B after: new") != NULL);
	CHECK(strstr(svg, "red grew, blue shrank") != NULL);
	svg = get(two);
	CHECK(is_red(fill_of(svg, "grew", &width)) && width > 105 && width < 125);
	CHECK(is_blue(fill_of(svg, "gone", &width)) && fill_of(svg, "fresh", &width) < 0);
	/* The switch makes the second file the first. */
	CHECK(diff((const char *const[]){before, after, "--reverse", "-o", one, NULL}) == 0);
	svg = get(one);
	CHECK(is_blue(fill_of(svg, "gone", &width)) && fill_of(svg, "fresh", &width) < 0);
	end();
}

TEST(diff_normalised_compares_shares)
{
	const char *before, *after, *out;
	double width = 0;
	char *svg;

	begin();
	before = in_directory("a.folded");
	after = in_directory("b.folded");
	out = in_directory("o.svg");
	put(before, "main;a 10\nmain;b 30\n");
	put(after, "main;a 1000\nmain;b 3000\n");
	CHECK(diff((const char *const[]){before, after, "-o", out, NULL}) == 0);
	svg = get(out);
	CHECK(is_red(fill_of(svg, "a", &width)) && is_red(fill_of(svg, "b", &width)));
	CHECK(diff((const char *const[]){before, after, "--normalise", "-o", out, NULL}) == 0);
	svg = get(out);
	CHECK(!is_red(fill_of(svg, "a", &width)) && !is_red(fill_of(svg, "b", &width)));
	CHECK(!is_blue(fill_of(svg, "a", &width)));
	end();
}

static int count_up(void *context, const char *const *frames, size_t count, double weight)
{
	CHECK(count == 2 && !strcmp(frames[0], "main") && !strcmp(frames[1], "f"));
	*(double *)context += weight;
	return 0;
}

TEST(diff_reads_what_pprof_writes)
{
	struct stacks *stacks = stacks__new();
	struct export_source source = {.stacks = stacks,
	                               .kinds = 1u << FLAME_ALLOC | 1u << FLAME_LIVE,
	                               .first = FLAME_LIVE};
	const char *unit, *path, *out;
	uint32_t stack;
	double sum = 0;

	REQUIRE(stacks != NULL);
	begin();
	path = in_directory("a.pb.gz");
	out = in_directory("o.svg");
	stack = stacks__enter(stacks, STACKS_ROOT, "main", 0);
	stack = stacks__enter(stacks, stack, "f", 0x100);
	stacks__add(stacks, stack, FLAME_ALLOC, 500, 1);
	stacks__add(stacks, stack, FLAME_LIVE, 300, 1);
	CHECK(export_file(&source, path) == 0);
	CHECK(import_profile(path, count_up, &sum, &unit) == 0);
	CHECK(sum == 300 && !strcmp(unit, "bytes"));
	CHECK(diff((const char *const[]){path, path, "-o", out, NULL}) == 0);
	stacks__free(stacks);
	end();
}

TEST(diff_refuses_what_is_no_profile)
{
	const char *unit, *path;
	double sum = 0;

	begin();
	path = in_directory("a.folded");
	put(path, "this is no folded stack\n");
	CHECK(import_profile(path, count_up, &sum, &unit) == -EPROTO);
	path = in_directory("a.pb.gz");
	put(path, "neither gzip nor a message: \xff\xff\xff");
	CHECK(import_profile(path, count_up, &sum, &unit) == -EPROTO);
	CHECK(import_profile("/nowhere/a.folded", count_up, &sum, &unit) == -ENOENT);
	CHECK(import_profile("/nowhere/a.pb.gz", count_up, &sum, &unit) == -ENOENT);
	CHECK(import_profile("a.txt", count_up, &sum, &unit) == -EINVAL);
	end();
}
