/* SPDX-License-Identifier: MIT */
/*
 * The process that is watched: where its allocator is, and what /proc tells about it. Nothing here
 * stops or changes it.
 */
#ifndef HAK_TARGET_H
#define HAK_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/target/object.h"

struct target {
	pid_t pid;
	int pidfd;     /* readable when the process has ended */
	char *command; /* its command line */
	char *library; /* the object that contains the allocator, as the process sees it */
	int fd;        /* of that file */
	char *path;    /* a name of it that leads nowhere else */
	struct object *object;
	bool foreign;        /* no libhakmem, but an object that emits otel_memory: no records */
	uint64_t bias;       /* of that object */
	uint64_t process;    /* run-time address of the process record */
	uint64_t text_start; /* the allocator's text, run-time; of a foreign program it is empty */
	uint64_t text_end;
	uint64_t start_ticks; /* since boot; with the pid it names the process */
};

/*
 * Finds process `pid`. On failure says why on stderr, in one line, and returns -errno: -ESRCH no
 * such process, -EPERM not ours to trace, -ENOENT neither libhakmem nor otel_memory in it, -EPROTO
 * a record version that this hakprobe does not know.
 */
int target__new(struct target **target, pid_t pid);

/* Accepts NULL. */
void target__free(struct target *target);

bool target__has_ended(const struct target *target);

/* Whether an exec has replaced the program: the allocator is no longer mapped where it was. */
bool target__was_replaced(const struct target *target);

/* Gauges; 0 when they cannot be read. */
uint64_t target__rss(const struct target *target); /* bytes */
uint64_t target__threads(const struct target *target);
uint64_t target__cpu_ns(const struct target *target); /* all threads, the ended ones too */
double target__uptime(const struct target *target);   /* seconds */

/* Link-time address of run-time address `ip`. */
static inline uint64_t target__link_time(const struct target *target, uint64_t ip)
{
	return ip - target->bias;
}

static inline bool target__in_allocator(const struct target *target, uint64_t ip)
{
	return ip >= target->text_start && ip < target->text_end;
}

#endif
