/* SPDX-License-Identifier: MIT */
/*
 * Opening what somebody else has named: a process that is watched, or a capture. The name may lead
 * to a FIFO or a device, through a link to what only we may read, or to something else at each
 * look. So nothing is opened before it is known to be a regular file, what was looked at is what is
 * opened, and names are resolved below the root of the process that they come from.
 */
#ifndef HAK_FOREIGN_H
#define HAK_FOREIGN_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

enum foreign_links {
	FOREIGN_NO_LINKS, /* a symbolic link anywhere in the name is refused */
	FOREIGN_LINKS,    /* they are followed, but not out of the root */
};

/*
 * Opens the regular file that process `pid` sees as `path`, to be read; 0: as we see it. Never
 * waits. The descriptor, or -errno: -ELOOP a link, -EINVAL no regular file.
 */
int foreign__open(pid_t pid, const char *path, enum foreign_links links);

/* The same of a link that the kernel keeps in /proc (exe, map_files): it leads to the file itself.
 */
int foreign__open_kept(const char *path);

/*
 * Whether process `pid` could read the open file itself, or it is its owner's: what it names must
 * not make us read on its behalf what is not its own.
 */
bool foreign__is_readable_by(pid_t pid, const struct stat *file);

#endif
