/* SPDX-License-Identifier: MIT */
/* Lines of /proc/PID/maps. */
#include "tests/harness.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/target/maps.h"

static char text[] =
        "35d2400000-35d2800000 rw-p 00000000 00:00 0 \n"
        "556d79647000-556d79649000 r-xp 00002000 fe:00 248056                     /usr/bin/a b\n"
        "7f0000000000-7f0000001000 r-xp 00000000 fe:00 9                          /tmp/x.so "
        "(deleted)\n"
        "7fff00000000-7fff00001000 rw-p 00000000 00:00 0                          [stack]\n";

static struct maps parse(char *from)
{
	FILE *file = fmemopen(from, strlen(from), "r");
	struct maps maps = {0};

	REQUIRE(file != NULL);
	CHECK(maps__parse(&maps, file) == 0);
	fclose(file);
	return maps;
}

TEST(maps_lines_are_taken_apart)
{
	struct maps maps = parse(text);

	REQUIRE(maps.count == 4);
	CHECK(maps.list[0].inode == 0 && !strcmp(maps.list[0].path, ""));
	CHECK(!strcmp(maps.list[1].path, "/usr/bin/a b"));
	CHECK(maps.list[1].executable && maps.list[1].offset == 0x2000);
	CHECK(maps.list[1].inode == 248056 && !maps.list[1].deleted);
	CHECK(!strcmp(maps.list[2].path, "/tmp/x.so") && maps.list[2].deleted);
	CHECK(!strcmp(maps.list[3].path, "[stack]") && !maps.list[3].executable);
	maps__clear(&maps);
}

TEST(maps_find_knows_borders_and_gaps)
{
	struct maps maps = parse(text);

	CHECK(maps__find(&maps, 0x556d79647000) == &maps.list[1]);
	CHECK(maps__find(&maps, 0x556d79648fff) == &maps.list[1]);
	CHECK(maps__find(&maps, 0x556d79649000) == NULL);
	CHECK(maps__find(&maps, 0) == NULL);
	CHECK(maps__find(&maps, UINT64_MAX) == NULL);
	maps__clear(&maps);
}

TEST(maps_nonsense_is_refused)
{
	char nonsense[] = "hello\n";
	FILE *file = fmemopen(nonsense, strlen(nonsense), "r");
	struct maps maps;

	REQUIRE(file != NULL);
	CHECK(maps__parse(&maps, file) == -EPROTO);
	CHECK(maps.count == 0 && maps.list == NULL);
	fclose(file);
}

TEST(maps_own_process_has_this_function)
{
	const struct mapping *mapping;
	struct maps maps;
	struct stat opened, named;
	int fd;

	REQUIRE(maps__read(&maps, getpid()) == 0);
	mapping = maps__find(&maps, (uintptr_t)parse);
	REQUIRE(mapping != NULL);
	CHECK(mapping->executable);
	fd = mapping__open(mapping, getpid());
	REQUIRE(fd >= 0);
	CHECK(!fstat(fd, &opened) && !stat(mapping->path, &named) && opened.st_ino == named.st_ino);
	close(fd);
	maps__clear(&maps);
	CHECK(maps__read(&maps, 0x7ffffffe) == -ENOENT);
}
