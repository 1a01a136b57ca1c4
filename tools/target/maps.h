/* SPDX-License-Identifier: MIT */
/* What a process has mapped: /proc/PID/maps. */
#ifndef HAK_MAPS_H
#define HAK_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* Of more files no process has code mapped; what looks into each stops there. */
enum { MAPS_CODE_MAX = 4096 };

struct mapping {
	uint64_t start;
	uint64_t end;
	uint64_t offset; /* in the file */
	uint64_t inode;  /* 0: not a file */
	dev_t device;
	bool executable;
	bool deleted;     /* the file has no name any more */
	const char *path; /* as the process sees it, " (deleted)" removed; "" for anonymous memory;
	                     lives as long as the maps */
};

struct maps {
	struct mapping *list; /* by address */
	size_t count;
	struct intern *paths;
};

/* 0, or -errno: -ENOENT/-ESRCH no such process, -EACCES/-EPERM not permitted,
 * -E2BIG more than a process can sensibly have, -ENOMEM. */
int maps__read(struct maps *maps, pid_t pid);

/* The same from text in the format of /proc/PID/maps. */
int maps__parse(struct maps *maps, FILE *text);

/* Frees what `maps` holds. */
void maps__clear(struct maps *maps);

/* NULL when nothing is mapped there. */
const struct mapping *maps__find(const struct maps *maps, uint64_t address);

/*
 * Opens the file of `mapping`: by its name where that is the same file here, else where it is under
 * the root of process `pid`, else (deleted files) as the kernel keeps it. A descriptor to read, or
 * -errno. Never another file, and never anything but a regular one.
 */
int mapping__open(const struct mapping *mapping, pid_t pid);

#endif
