/* SPDX-License-Identifier: MIT */
#include "tools/target/maps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define DELETED " (deleted)"

static int parse_line(char *line, struct mapping *mapping)
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
	mapping->path = strdup(line);
	return mapping->path ? 0 : -ENOMEM;
}

int maps__parse(struct maps *maps, FILE *text)
{
	struct mapping mapping, *grown;
	size_t room = 0, size = 0;
	char *line = NULL;
	int err;

	memset(maps, 0, sizeof(*maps));
	while (getline(&line, &size, text) > 0) {
		if (maps->count == room) {
			room = room ? 2 * room : 64;
			grown = reallocarray(maps->list, room, sizeof(*grown));
			if (!grown) {
				err = -ENOMEM;
				goto out;
			}
			maps->list = grown;
		}
		err = parse_line(line, &mapping);
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
	for (size_t i = 0; i < maps->count; i++)
		free(maps->list[i].path);
	free(maps->list);
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
 * Whether `path` is the file of `mapping`. An inode alone is not enough, as containers have other
 * file systems; but on some (btrfs, overlayfs) stat tells another device than the mapping has.
 */
static bool is_file(const char *path, const struct mapping *mapping, bool any_device)
{
	struct stat info;

	return !stat(path, &info) && info.st_ino == mapping->inode &&
	       (any_device || info.st_dev == mapping->device);
}

void mapping__path(const struct mapping *mapping, pid_t pid, char *path, size_t size)
{
	/* As the process sees it is the better guess where the device does not tell. */
	for (int guess = 0; guess < 2 && !mapping->deleted; guess++) {
		if (!guess) {
			snprintf(path, size, "%s", mapping->path);
			if (is_file(path, mapping, false))
				return;
		}
		snprintf(path, size, "/proc/%d/root%s", pid, mapping->path);
		if (is_file(path, mapping, guess))
			return;
	}
	snprintf(path, size, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid, mapping->start,
	         mapping->end);
}
