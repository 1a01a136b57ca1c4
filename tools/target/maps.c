/* SPDX-License-Identifier: MIT */
#include "tools/target/maps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tools/base/intern.h"
#include "tools/target/foreign.h"

#define DELETED " (deleted)"

enum {
	LINES_MAX = 1 << 18,  /* four times what the kernel allows unless it is told otherwise */
	PATHS_MAX = 16 << 20, /* bytes of names, each counted once */
};

static int parse_line(struct maps *maps, char *line, struct mapping *mapping)
{
	unsigned int major_number, minor_number;
	char perms[5];
	int path_at = 0;
	size_t length;

	memset(mapping, 0, sizeof(*mapping));
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n",
	           &mapping->start, &mapping->end, perms, &mapping->offset, &major_number,
	           &minor_number, &mapping->inode, &path_at) < 7)
		return -EPROTO;
	mapping->device = makedev(major_number, minor_number);
	mapping->executable = perms[2] == 'x';
	line += path_at;
	line[strcspn(line, "\n")] = '\0';
	length = strlen(line);
	if (length > strlen(DELETED) && !strcmp(line + length - strlen(DELETED), DELETED)) {
		line[length - strlen(DELETED)] = '\0';
		mapping->deleted = true;
	}
	mapping->path = intern__string(maps->paths, line);
	if (!mapping->path)
		return -ENOMEM;
	return intern__size(maps->paths) <= PATHS_MAX ? 0 : -E2BIG;
}

int maps__parse(struct maps *maps, FILE *text)
{
	struct mapping mapping, *grown;
	size_t room = 0, size = 0;
	char *line = NULL;
	int err;

	memset(maps, 0, sizeof(*maps));
	maps->paths = intern__new();
	if (!maps->paths)
		return -ENOMEM;
	while (getline(&line, &size, text) > 0) {
		if (maps->count == LINES_MAX) {
			err = -E2BIG;
			goto out;
		}
		if (maps->count == room) {
			room = room ? 2 * room : 64;
			grown = reallocarray(maps->list, room, sizeof(*grown));
			if (!grown) {
				err = -ENOMEM;
				goto out;
			}
			maps->list = grown;
		}
		err = parse_line(maps, line, &mapping);
		if (err)
			goto out;
		maps->list[maps->count++] = mapping;
	}
	err = ferror(text) ? -errno : 0;
out:
	free(line);
	if (err)
		maps__clear(maps);
	return err;
}

int maps__read(struct maps *maps, pid_t pid)
{
	char path[64];
	FILE *text;
	int err;

	memset(maps, 0, sizeof(*maps));
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	text = fopen(path, "re");
	if (!text)
		return -errno;
	err = maps__parse(maps, text);
	fclose(text);
	return err;
}

void maps__clear(struct maps *maps)
{
	free(maps->list);
	intern__free(maps->paths);
	memset(maps, 0, sizeof(*maps));
}

const struct mapping *maps__find(const struct maps *maps, uint64_t address)
{
	size_t low = 0, high = maps->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (maps->list[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == maps->count || maps->list[low].start > address)
		return NULL;
	return &maps->list[low];
}

/*
 * Opens `path` when it is the file of `mapping`. An inode alone is not enough, as containers have
 * other file systems; but on some (btrfs, overlayfs) fstat tells another device than the mapping
 * has: then `reader`, who has mapped it, must at least be able to read what is opened.
 */
static int open_named(const struct mapping *mapping, pid_t root, pid_t reader, bool any_device)
{
	int fd = foreign__open(root, mapping->path, FOREIGN_NO_LINKS);
	struct stat info;

	if (fd < 0)
		return fd;
	if (!fstat(fd, &info) && info.st_ino == mapping->inode &&
	    (info.st_dev == mapping->device ||
	     (any_device && foreign__is_readable_by(reader, &info))))
		return fd;
	close(fd);
	return -ENOENT;
}

int mapping__open(const struct mapping *mapping, pid_t pid)
{
	char path[96];
	int fd = -ENOENT;

	/* As the process sees it is the better guess where the device does not tell. */
	if (!mapping->deleted && *mapping->path == '/') {
		fd = open_named(mapping, 0, pid, false);
		if (fd < 0)
			fd = open_named(mapping, pid, pid, false);
		if (fd < 0)
			fd = open_named(mapping, pid, pid, true);
	}
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid,
	         mapping->start, mapping->end);
	return foreign__open_kept(path);
}
