/* SPDX-License-Identifier: MIT */
/* One process under watch: its session, its readings, its files at the end. */
#ifndef HAK_WATCHED_H
#define HAK_WATCHED_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/profile/report.h"
#include "tools/profile/timeline.h"
#include "tools/target/target.h"
#include "tools/target/threads.h"
#include "tools/watch/options.h"
#include "tools/watch/session.h"

enum watched_state { WATCHED_RUNS, WATCHED_ENDED, WATCHED_REPLACED, WATCHED_FAILED };

struct watched {
	const struct options *options;
	struct target *target;
	struct session *session;
	struct reading start;  /* at the attach */
	struct reading before; /* at the report before the last one */
	struct reading now;    /* at the last report */
	struct thread_table threads_start;
	struct thread_table threads_before;
	struct thread_table threads_now;
	struct thread_table threads; /* difference, for the report */
	struct report report;        /* points to the above; valid until the next one */
	struct profile *callers;     /* whose names the report's callers are; may be NULL */
	struct timeline timeline;    /* for files */
	unsigned long reports;
	int err; /* of this process alone: it is watched no longer; 0 none */
};

/* Finds the process, attaches, and takes the first reading. Failures are told on stderr; 0 or
 * -errno. */
int watched__new(struct watched **watched, const struct options *options, pid_t pid);

/* Accepts NULL; detaches. */
void watched__free(struct watched *watched);

enum watched_state watched__state(const struct watched *watched);

/*
 * Takes a reading and derives the report of what has happened since the last one, and lets the
 * governor act. 1 there is a report, 0 there is none (yet, or of a foreign target), or -errno.
 */
int watched__interval(struct watched *watched);

/* Derives the report of everything since the attach. 0 or -ENOMEM. */
int watched__summarise(struct watched *watched);

/* Tells what was sampled, in the summary's `out` (may be NULL) as well, and writes the files that
 * the options ask for; with `several`, the pid goes into their names. 0 or -errno. */
int watched__write(struct watched *watched, bool several, FILE *out);

#endif
