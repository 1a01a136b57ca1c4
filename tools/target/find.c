/* SPDX-License-Identifier: MIT */
#include "tools/target/find.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/interrupt.h"
#include "tools/target/maps.h"
#include "tools/target/object.h"
#include "tools/target/proc.h"

/* A file that was looked into; its inode may be used again, but hardly within one watch. */
struct known_file {
	dev_t device;
	uint64_t inode;
	bool ours;
};

/* A program of a process that was told: an exec changes the library's place or takes it away. */
struct known_process {
	pid_t pid;
	uint64_t start_ticks;
	uint64_t at;
	bool seen; /* in this scan */
};

struct find {
	struct known_file *files;
	size_t file_count;
	struct known_process *processes;
	size_t process_count;
};

struct find *find__new(void)
{
	return calloc(1, sizeof(struct find));
}

void find__free(struct find *find)
{
	if (!find)
		return;
	free(find->files);
	free(find->processes);
	free(find);
}

/* Whether the mapped file contains the allocator: 1, 0 or -ENOMEM. */
static int is_ours(struct find *find, const struct mapping *mapping, pid_t pid)
{
	struct object *object = NULL;
	struct known_file *grown;
	bool ours;
	int fd;

	for (size_t i = 0; i < find->file_count; i++) {
		if (find->files[i].inode == mapping->inode &&
		    find->files[i].device == mapping->device)
			return find->files[i].ours;
	}
	fd = mapping__open(mapping, pid);
	ours = fd >= 0 && !object__read(&object, fd) && object->has_note;
	object__free(object);
	if (fd >= 0)
		close(fd);
	grown = reallocarray(find->files, find->file_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	find->files = grown;
	grown[find->file_count++] = (struct known_file){mapping->device, mapping->inode, ours};
	return ours;
}

/* Where the allocator's text is in a process; 0 when nowhere. */
static int find_allocator(struct find *find, pid_t pid, uint64_t *at)
{
	struct maps maps;
	size_t tried = 0;
	int ours = 0;

	*at = 0;
	if (maps__read(&maps, pid))
		return 0;
	for (size_t i = 0; i < maps.count && !ours && tried < MAPS_CODE_MAX; i++) {
		if (interrupt__asked())
			break;
		if (!maps.list[i].executable || !maps.list[i].inode)
			continue;
		tried++;
		ours = is_ours(find, &maps.list[i], pid);
		if (ours > 0)
			*at = maps.list[i].start;
	}
	maps__clear(&maps);
	return ours < 0 ? ours : 0;
}

/* Notes a program; false when it was known. Errors in *err. */
static bool note_process(struct find *find, pid_t pid, uint64_t start_ticks, uint64_t at, int *err)
{
	struct known_process *grown;

	for (size_t i = 0; i < find->process_count; i++) {
		struct known_process *known = &find->processes[i];

		if (known->pid == pid && known->start_ticks == start_ticks && known->at == at) {
			known->seen = true;
			return false;
		}
	}
	grown = reallocarray(find->processes, find->process_count + 1, sizeof(*grown));
	if (!grown) {
		*err = -ENOMEM;
		return false;
	}
	find->processes = grown;
	grown[find->process_count++] = (struct known_process){pid, start_ticks, at, true};
	return true;
}

static int look_at(struct find *find, pid_t pid, find_fn *found, void *context)
{
	struct proc_stat stat;
	uint64_t at;
	int err;

	if (pid == getpid() || proc__stat(&stat, pid) || proc__is_translated(pid))
		return 0;
	err = find_allocator(find, pid, &at);
	if (err || !at || !note_process(find, pid, stat.start_ticks, at, &err))
		return err;
	return found(context, pid);
}

static void forget_ended(struct find *find)
{
	size_t left = 0;

	for (size_t i = 0; i < find->process_count; i++) {
		if (find->processes[i].seen) {
			find->processes[left] = find->processes[i];
			find->processes[left++].seen = false;
		}
	}
	find->process_count = left;
}

int find__scan(struct find *find, find_fn *found, void *context)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	int err = 0;

	if (!directory)
		return -errno;
	while (!err && !interrupt__asked() && (entry = readdir(directory))) {
		char *end;
		long pid = strtol(entry->d_name, &end, 10);

		if (!*end && pid > 0 && pid <= INT_MAX)
			err = look_at(find, (pid_t)pid, found, context);
	}
	closedir(directory);
	if (!err && !interrupt__asked())
		forget_ended(find);
	return err;
}
