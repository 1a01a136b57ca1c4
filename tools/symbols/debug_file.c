/* SPDX-License-Identifier: MIT */
#include "tools/symbols/debug_file.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "tools/target/foreign.h"
#include "tools/target/image.h"
#include "tools/target/object.h"

#define DEBUG_DIRECTORY "/usr/lib/debug"

struct wanted {
	char build_id[2 * 32 + 1]; /* hexadecimal; "" none */
	GElf_Word crc;
};

/* --- whether it is the one ----------------------------------------------------------------------
 */

static bool has_build_id(int fd, const char *build_id)
{
	struct object *object;
	bool same;

	if (object__read(&object, fd))
		return false;
	same = !strcmp(object->build_id, build_id);
	object__free(object);
	return same;
}

static bool has_checksum(int fd, GElf_Word crc)
{
	unsigned char piece[1 << 16];
	off_t at = 0;
	uLong sum = crc32(0, NULL, 0);
	ssize_t got;

	while (at < IMAGE_BYTES_MAX && (got = pread(fd, piece, sizeof(piece), at)) > 0) {
		sum = crc32(sum, piece, (uInt)got);
		at += got;
	}
	return at < IMAGE_BYTES_MAX && sum == crc;
}

/* `fd` when it is what is wanted; an error is handed on. */
static int check(int fd, const struct wanted *wanted)
{
	if (fd < 0)
		return fd;
	if (*wanted->build_id ? has_build_id(fd, wanted->build_id) : has_checksum(fd, wanted->crc))
		return fd;
	close(fd);
	return -ENOENT;
}

static void set_build_id(struct wanted *wanted, const unsigned char *id, size_t length)
{
	for (size_t i = 0; i < length && 2 * i + 2 < sizeof(wanted->build_id); i++)
		sprintf(wanted->build_id + 2 * i, "%02x", id[i]);
}

/* --- where it may be ----------------------------------------------------------------------------
 */

/* As the process names it; 0: as we do. */
static int open_its(pid_t pid, const char *path, enum foreign_links links,
                    const struct wanted *wanted)
{
	int fd = foreign__open(pid, path, links);
	struct stat info;

	if (fd < 0)
		return fd == -ENOTDIR ? -ENOENT : fd;
	if (!pid || (!fstat(fd, &info) && foreign__is_readable_by(pid, &info)))
		return check(fd, wanted);
	close(fd);
	return -EACCES;
}

static int open_by_build_id(pid_t pid, const struct wanted *wanted)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), DEBUG_DIRECTORY "/.build-id/%.2s/%s.debug", wanted->build_id,
	         wanted->build_id + 2);
	/* Some distributions have links in that directory. Its own do not lead out of its root, nor to
	 * what it could not read. */
	fd = check(foreign__open(0, path, FOREIGN_LINKS), wanted);
	return fd >= 0 || !pid ? fd : open_its(pid, path, FOREIGN_LINKS, wanted);
}

/* What is wrong with a file that is there goes before that another is not. */
static int open_by_link(pid_t pid, const char *path, const char *link, const struct wanted *wanted)
{
	static const char *const before[] = {"", "", DEBUG_DIRECTORY};
	static const char *const between[] = {"", ".debug/", ""};
	const char *slash = strrchr(path, '/');
	char candidate[PATH_MAX];
	int fd = -ENOENT;

	if (!slash || strchr(link, '/'))
		return -ENOENT;
	for (size_t i = 0; i < sizeof(before) / sizeof(*before) && fd < 0; i++) {
		int length = snprintf(candidate, sizeof(candidate), "%s%.*s/%s%s", before[i],
		                      (int)(slash - path), path, between[i], link);
		int found = -ENOENT;

		if (length < (int)sizeof(candidate) && strcmp(candidate, path) != 0)
			found = open_its(pid, candidate, FOREIGN_NO_LINKS, wanted);
		if (found != -ENOENT)
			fd = found;
	}
	return fd;
}

int debug_file__open(Dwfl_Module *mod, pid_t pid, const char *path, const char *debuglink,
                     GElf_Word crc)
{
	struct wanted wanted = {.crc = crc};
	const unsigned char *id = NULL;
	GElf_Addr where;
	int length = dwfl_module_build_id(mod, &id, &where), fd = -ENOENT, linked = -ENOENT;

	if (length >= 2) {
		set_build_id(&wanted, id, (size_t)length);
		fd = open_by_build_id(pid, &wanted);
	}
	if (fd < 0 && debuglink)
		linked = open_by_link(pid, path, debuglink, &wanted);
	return linked == -ENOENT ? fd : linked;
}

int debug_file__open_shared(pid_t pid, const char *name, const unsigned char *build_id,
                            size_t length)
{
	struct wanted wanted = {.crc = 0};
	int fd;

	if (length < 2)
		return -ENOENT;
	set_build_id(&wanted, build_id, length);
	fd = open_by_build_id(pid, &wanted);
	return fd == -ENOENT && pid && *name == '/' ? open_its(pid, name, FOREIGN_NO_LINKS, &wanted)
	                                            : fd;
}
