/* SPDX-License-Identifier: MIT */
/* What a process has mapped: /proc/PID/maps. */
#ifndef HAK_MAPS_H
#define HAK_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct mapping {
	uint64_t start;
	uint64_t end;
	uint64_t offset; /* in the file */
	uint64_t inode;  /* 0: not a file */
	dev_t device;
	bool executable;
	bool deleted; /* the file has no name any more */
	char *path;   /* as the process sees it, " (deleted)" removed; "" for anonymous memory */
};

struct maps {
	struct mapping *list; /* by address */
	size_t count;
};

/* 0, or -errno: -ENOENT/-ESRCH no such process, -EACCES/-EPERM not permitted, -ENOMEM. */
int maps__read(struct maps *maps, pid_t pid);

/* The same from text in the format of /proc/PID/maps. */
int maps__parse(struct maps *maps, FILE *text);

/* Frees what `maps` holds. */
void maps__clear(struct maps *maps);

/* NULL when nothing is mapped there. */
const struct mapping *maps__find(const struct maps *maps, uint64_t address);

/*
 * A path by which this process can open the file of `mapping`: its own name where that is the same
 * file here, else through /proc/PID/root, else (deleted files) through /proc/PID/map_files.
 */
void mapping__path(const struct mapping *mapping, pid_t pid, char *path, size_t size);

#endif
