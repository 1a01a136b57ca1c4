/* SPDX-License-Identifier: MIT */
/* Names that others have chosen, as they may be shown. */
#include "tests/harness.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/intern.h"
#include "tools/base/output.h"
#include "tools/base/text.h"

static bool flattens(const char *from, const char *to)
{
	char text[128];

	snprintf(text, sizeof(text), "%s", from);
	return !strcmp(text__flatten(text), to);
}

TEST(text_is_made_one_plain_line)
{
	CHECK(flattens("operator new(unsigned long)", "operator new(unsigned long)"));
	CHECK(flattens("größe ≤ 7 \xf0\x9f\xa6\x80", "größe ≤ 7 \xf0\x9f\xa6\x80"));
	CHECK(flattens("\033]0;owned\007", " ]0;owned "));
	CHECK(flattens("one\ntwo\r\tthree", "one two  three"));
	CHECK(flattens("a\177b\xc2\x9b"
	               "31m",
	               "a?b??31m")); /* DEL; CSI as one character */
	CHECK(flattens("\xff\xfe \xe2\x82", "?? ??"));
	CHECK(flattens("\xed\xa0\x80\xc0\xaf\xf4\x90\x80\x80", "?????????"));
	CHECK(flattens("", ""));
}

TEST(text_names_are_cut_and_plain)
{
	struct intern *names = intern__new();
	static char longest[100000];
	const char *name;

	REQUIRE(names != NULL);
	memset(longest, 'x', sizeof(longest) - 1);
	name = intern__name(names, longest, SIZE_MAX);
	REQUIRE(name != NULL);
	CHECK(strlen(name) > 10000 && strlen(name) < 20000);
	CHECK(intern__name(names, "f\033@@V1", 2) == intern__string(names, "f "));
	intern__free(names);
}

/* What comes out of a guarded stream when `pieces` are written to it, each flushed. */
static const char *guarded(const char *const *pieces, size_t count)
{
	static char text[4096];
	FILE *out;
	int ends[2];
	ssize_t got;

	REQUIRE(pipe(ends) == 0);
	out = output__open(ends[1]);
	REQUIRE(out != NULL);
	for (size_t i = 0; i < count; i++) {
		fputs(pieces[i], out);
		fflush(out);
	}
	fclose(out);
	close(ends[1]);
	got = read(ends[0], text, sizeof(text) - 1);
	text[got > 0 ? got : 0] = '\0';
	close(ends[0]);
	return text;
}

#define GUARDED(...) \
	guarded((const char *const[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / 8)

TEST(output_lets_no_control_character_out)
{
	CHECK(!strcmp(GUARDED("plain: ± …\n\tand more\n"), "plain: ± …\n\tand more\n"));
	CHECK(!strcmp(GUARDED("\033[2J\a"), "\\x1b[2J\\x07"));
	CHECK(!strcmp(GUARDED("a\177\xc2\x9b"), "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"));
	/* A character in two pieces is one; what has no end is none. */
	CHECK(!strcmp(GUARDED("x\xe2\x80", "\xa6y"), "x…y"));
	CHECK(!strcmp(GUARDED("x\xe2\x80", "y"), "x\xef\xbf\xbd\xef\xbf\xbdy"));
	CHECK(!strcmp(GUARDED("x\xe2\x80"), "x\xef\xbf\xbd"));
}

TEST(output_of_any_length_is_whole)
{
	char line[3500];

	for (size_t i = 0; i + 1 < sizeof(line); i++)
		line[i] = "ab\xc3\xbc"[i % 4];
	line[sizeof(line) - 4] = '\0';
	CHECK(!strcmp(GUARDED(line), line));
}
