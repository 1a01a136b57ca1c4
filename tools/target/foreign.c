/* SPDX-License-Identifier: MIT */
#include "tools/target/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { RACES = 8 }; /* tries, where somebody moves directories meanwhile */

/* The file itself, once it is known what it is: an O_PATH descriptor has no effect on it. */
static int open_found(int found)
{
	struct stat info;
	char path[32];
	int fd, err = 0;

	if (fstat(found, &info))
		err = -errno;
	else if (!S_ISREG(info.st_mode))
		err = S_ISLNK(info.st_mode) ? -ELOOP : -EINVAL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
	fd = err ? err : open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && !err)
		fd = -errno;
	close(found);
	return fd;
}

static int open_root(pid_t pid)
{
	char path[32] = "/";
	int fd;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int foreign__open(pid_t pid, const char *path, enum foreign_links links)
{
	struct open_how how = {
	        .flags = O_PATH | O_CLOEXEC,
	        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS |
	                   (links == FOREIGN_NO_LINKS ? RESOLVE_NO_SYMLINKS : 0),
	};
	int root = open_root(pid), found = -EAGAIN;

	if (root < 0)
		return root;
	for (int i = 0; i < RACES && found == -EAGAIN; i++) {
		found = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
		found = found < 0 ? -errno : found;
	}
	close(root);
	return found < 0 ? found : open_found(found);
}

int foreign__open_kept(const char *path)
{
	int found = open(path, O_PATH | O_CLOEXEC);

	return found < 0 ? -errno : open_found(found);
}

/* The ids that the process's own opens are checked with. */
static bool read_ids(pid_t pid, uid_t *uid, gid_t *gid)
{
	char path[32], line[256];
	int found = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	status = fopen(path, "re");
	if (!status)
		return false;
	while (found < 2 && fgets(line, sizeof(line), status)) {
		found += sscanf(line, "Uid: %*u %*u %*u %u", uid) == 1;
		found += sscanf(line, "Gid: %*u %*u %*u %u", gid) == 1;
	}
	fclose(status);
	return found == 2;
}

bool foreign__is_readable_by(pid_t pid, const struct stat *file)
{
	uid_t uid;
	gid_t gid;

	if (!read_ids(pid, &uid, &gid))
		return false;
	if (!uid || file->st_uid == uid)
		return true;
	return file->st_mode & (file->st_gid == gid ? S_IRGRP : S_IROTH);
}
