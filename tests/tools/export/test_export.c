/* SPDX-License-Identifier: MIT */
/* Folded stacks and flame graphs are exact, well-formed, and written whole or not at all. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness.h"
#include "tools/export/export.h"
#include "tools/profile/profile.h"

#define ADD(profile, weight, count, ...)                          \
	profile__add(profile, (const char *const[]){__VA_ARGS__}, \
	             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), weight, count)

#define NASTY "f<int>(\"a\", '&') ]]> \x01\xff \xc3\xa9 \xed\xa0\x80"

static struct profile *sample(void)
{
	struct profile *p = profile__new("bytes allocated by <test> & more", "bytes");
	if (!p)
		return NULL;
	ADD(p, 1024 * 1024, 3, "main", "serve", "createStringObject");
	ADD(p, 524288, 2, "main", "serve", "std::vector<int, std::allocator<int> >::push_back");
	ADD(p, 100.6, 1, "main", "serve");
	ADD(p, 262144, 1, PROFILE_TRUNCATED, NASTY);
	ADD(p, 9, 1, "main", "hair"); /* 1/200,000 of all: narrower than anything shown */
	return p;
}

/* What a writer writes; to be freed. */
static char *written_svg(const struct profile *p, const char *note)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	CHECK(export_svg(p, note, out) == 0);
	fclose(out);
	return text;
}

TEST(folded_is_exact)
{
	struct profile *p = profile__new("t", "bytes");
	REQUIRE(p != NULL);
	ADD(p, 2.4, 1, "main", "b");
	ADD(p, 7, 1, "main");
	ADD(p, 1e15, 1, "main", "a", "x");
	ADD(p, 0.2, 1, "main", "a", "tiny");
	ADD(p, 3, 1, "main", "b"); /* merged: 5.4 */
	ADD(p, 1, 1, "operator new(unsigned long)", "semi;colon", "new\nline");
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	CHECK(export_folded(p, out) == 0);
	fclose(out);
	CHECK(!strcmp(text, "main 7\n"
	                    "main;a;tiny 0\n"
	                    "main;a;x 1000000000000000\n"
	                    "main;b 5\n"
	                    "operator new(unsigned long);semi:colon;new line 1\n"));
	free(text);
	profile__free(p);
}

TEST(folded_reports_a_full_disk)
{
	struct profile *p = sample();
	REQUIRE(p != NULL);
	FILE *full = fopen("/dev/full", "w");
	if (!full) {
		profile__free(p);
		SKIP("no /dev/full");
	}
	setvbuf(full, NULL, _IONBF, 0);
	CHECK(export_folded(p, full) == -EIO);
	CHECK(export_svg(p, "", full) == -EIO);
	fclose(full);
	profile__free(p);
}

/* The number behind `name="` at or after `at`. */
static double attribute(const char *at, const char *name)
{
	char key[32];
	snprintf(key, sizeof(key), " %s=\"", name);
	at = strstr(at, key);
	return at ? strtod(at + strlen(key), NULL) : -1;
}

TEST(svg_has_every_frame)
{
	struct profile *p = sample();
	REQUIRE(p != NULL);
	char *text = written_svg(p, "redis-server, pid 1: \"quoted\" <note>");
	REQUIRE(text != NULL);
	CHECK(strstr(text, "bytes allocated by &lt;test&gt; &amp; more</text>") != NULL);
	CHECK(strstr(text, "redis-server, pid 1: &quot;quoted&quot; &lt;note&gt;</text>") != NULL);
	CHECK(strstr(text, "Root at the bottom, leaves on top; width: bytes") != NULL);
	CHECK(strstr(text, "<title>all\n1.75 MiB (") != NULL);
	CHECK(strstr(text, "<title>createStringObject\n1.00 MiB (57.1 %), 3 samples</title>") !=
	      NULL);
	CHECK(strstr(text, "<title>std::vector&lt;int, std::allocator&lt;int&gt; &gt;::push_back\n"
	                   "512 KiB (28.6 %), 2 samples</title>") != NULL);
	/* Markup escaped, what XML forbids replaced, the rest as it was. */
	CHECK(strstr(text, "<title>f&lt;int&gt;(&quot;a&quot;, &#39;&amp;&#39;) ]]&gt;  "
	                   "\xef\xbf\xbd \xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\n"
	                   "256 KiB (14.3 %), 1 sample</title>") != NULL);
	CHECK(strstr(text, "<title>[truncated]\n") != NULL);
	CHECK(strstr(text, "hair") == NULL);
	CHECK(strstr(text, "; 1 frames narrower than") != NULL);
	/* Nothing from outside. */
	CHECK(strstr(text, "href") == NULL && strstr(text, "@import") == NULL &&
	      strstr(text, "url(") == NULL && strstr(text, "src=") == NULL);
	free(text);
	profile__free(p);
}

/* Walks the boxes in their order (callers first) and checks that each lies inside its caller's, one
 * row above it, and beside its siblings'. */
TEST(svg_boxes_are_nested)
{
	struct profile *p = profile__new("nested", "ns");
	REQUIRE(p != NULL);
	srand(7);
	for (int i = 0; i < 3000; i++) {
		char names[30][16];
		const char *frames[30];
		size_t n = 1 + (size_t)rand() % 30;
		for (size_t d = 0; d < n; d++) {
			snprintf(names[d], sizeof(names[d]), "f%zu_%d", d, rand() % 2);
			frames[d] = names[d];
		}
		REQUIRE(profile__add(p, frames, n, rand() % 1000000, 1) == 0);
	}
	char *text = written_svg(p, NULL);
	REQUIRE(text != NULL);
	struct {
		double left, right, y, taken;
	} row[64] = {0};
	unsigned boxes = 0;
	for (const char *g = text; (g = strstr(g, "<g class=\"f\" ")); g++, boxes++) {
		size_t depth = (size_t)attribute(g, "data-d");
		const char *rect = strstr(g, "<rect");
		double x = attribute(rect, "x"), y = attribute(rect, "y");
		double right = x + attribute(rect, "width");
		REQUIRE(depth < 63);
		if (depth > 0) {
			CHECK(x >= row[depth - 1].left - 0.02 &&
			      right <= row[depth - 1].right + 0.02);
			CHECK(x >= row[depth - 1].taken - 0.02);
			CHECK(y == row[depth - 1].y - 18);
			row[depth - 1].taken = right;
		} else {
			CHECK(boxes == 0 && x == 10 && right <= 1190);
		}
		/* The hair of distance on the right belongs to the box. */
		row[depth].left = row[depth].taken = x;
		row[depth].right = right + 0.6;
		row[depth].y = y;
	}
	CHECK(boxes > 500);
	free(text);
	profile__free(p);
}

TEST(svg_of_nothing)
{
	struct profile *p = profile__new("empty", "bytes");
	REQUIRE(p != NULL);
	char *text = written_svg(p, NULL);
	REQUIRE(text != NULL);
	CHECK(strstr(text, "<title>no samples\n") != NULL);
	CHECK(strstr(text, "nan") == NULL && strstr(text, "inf") == NULL);
	free(text);
	profile__free(p);
}

TEST(svg_is_well_formed)
{
	struct profile *p = sample();
	REQUIRE(p != NULL);
	char path[] = "/tmp/hakmem-svg-XXXXXX.svg", command[256];
	int fd = mkstemps(path, 4);
	REQUIRE(fd >= 0);
	close(fd);
	CHECK(export_profile(p, NASTY, path) == 0);
	profile__free(p);
	snprintf(command, sizeof(command),
	         "python3 -c 'import sys, xml.dom.minidom as m; d = m.parse(sys.argv[1]); "
	         "sys.exit(len(d.getElementsByTagName(\"rect\")) < 7)' %s 2>&1",
	         path);
	bool python = system("python3 -c 'import xml.dom.minidom' 2>/dev/null") == 0;
	int err = python ? system(command) : 0;
	unlink(path);
	if (!python)
		SKIP("no python3 to parse XML");
	CHECK(err == 0);
}

static unsigned entries(const char *directory)
{
	DIR *d = opendir(directory);
	unsigned count = 0;
	for (struct dirent *e; (e = readdir(d));)
		count += e->d_name[0] != '.';
	closedir(d);
	return count;
}

TEST(export_goes_by_suffix_and_is_atomic)
{
	struct profile *p = sample();
	REQUIRE(p != NULL);
	char directory[] = "/tmp/hakmem-export-XXXXXX", path[64];
	REQUIRE(mkdtemp(directory) != NULL);
	static const char *const unknown[] = {"x.png", "x", "svg", ".svg", "x.svg.gz", "x.svg/"};
	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, unknown[i]);
		CHECK(export_profile(p, NULL, path) == -EINVAL);
	}
	CHECK(entries(directory) == 0);
	snprintf(path, sizeof(path), "%s/none/x.svg", directory);
	CHECK(export_profile(p, NULL, path) == -ENOENT);
	snprintf(path, sizeof(path), "%s/x.folded", directory);
	FILE *old = fopen(path, "w");
	fputs("old", old);
	fclose(old);
	CHECK(export_profile(p, NULL, path) == 0);
	char line[64] = "";
	FILE *in = fopen(path, "r");
	CHECK(fgets(line, sizeof(line), in) && !strncmp(line, "[truncated];f<int>", 18));
	fclose(in);
	struct stat status;
	mode_t mask = umask(0);
	umask(mask);
	CHECK(stat(path, &status) == 0 && (status.st_mode & 0777) == (0666 & ~mask));
	CHECK(entries(directory) == 1);
	/* A target that cannot be replaced leaves nothing behind. */
	unlink(path);
	mkdir(path, 0700);
	CHECK(export_profile(p, NULL, path) < 0);
	CHECK(entries(directory) == 1);
	rmdir(path);
	rmdir(directory);
	profile__free(p);
}
