/* SPDX-License-Identifier: MIT */
/*
 * A session: everything attached to one target, and the readings that come out of it.
 */
#ifndef HAK_SESSION_H
#define HAK_SESSION_H

#include <poll.h>
#include <stdbool.h>

#include "tools/attach/attach.h"
#include "tools/profile/report.h"
#include "tools/target/target.h"
#include "tools/watch/options.h"

enum { SESSION_FDS = ATTACHMENTS };

struct session {
	const struct options *options;
	const struct target *target;
	struct attachment attachment; /* what is told of it */
	struct attachments attached;  /* all those below that are not NULL */
	struct unwinder *unwinder;
	struct ledger ledger;
	struct attach_tally *tally;  /* NULL: the library has no probes */
	struct attach_alloc *alloc;  /* NULL: no flame graph of it asked for */
	struct attach_cost *samples; /* NULL: a foreign target */
	struct cost *cost;
	struct capture_writer *capture; /* NULL: none asked for */
	char *capture_path;
	struct flame *flame;       /* NULL: no flame graph asked for */
	struct event_queue *queue; /* of samples, with the thread that unwinds; NULL as flame */
	struct attach_latency *latency; /* NULL: not asked for */
	struct governor governor;
	unsigned hz;               /* asked for; the governor may lower it */
	uint64_t process_start_ns; /* of the process record; a change is another program */
	bool replaced;             /* an exec has put another program into the process */
	uint64_t drain_ns;         /* when instruction pointers are to be taken over next */
};

/*
 * Life: new, prepare (opens the programs), load, attach (probes go live), take readings, free.
 * Failures are told on stderr; 0 or -errno.
 */
struct session *session__new(const struct options *options, const struct target *target);
int session__prepare(struct session *session);
int session__load(struct session *session);
int session__attach(struct session *session);

/* Accepts NULL; detaches everything. */
void session__free(struct session *session);

/* Fills in what to poll for; returns how many. */
size_t session__fds(const struct session *session, struct pollfd fds[SESSION_FDS]);

/* Takes in the events that are waiting. */
int session__consume(struct session *session);

/* Waits until what was consumed is in the flame graphs: until the next consume, they are the
 * caller's. -errno when a sample could not be taken in. */
int session__drain(struct session *session);

/* Opens and closes what is attached in windows, and takes over what would fill up in a long
 * interval; when to call again, CLOCK_MONOTONIC ns. 0 or -errno. */
int session__tick(struct session *session);
uint64_t session__next_tick_ns(const struct session *session);

/* Holds the ceiling after an interval that cost what `report` says. */
void session__govern(struct session *session, const struct report *report);
void session__apply_rates(struct session *session);

/* How often to sample instruction pointers at most: the processor's ticks are shared by all
 * sessions. */
void session__set_hz(struct session *session, unsigned hz);

/* The size class that the options ask for; -1 all, or not known yet. */
int session__class(const struct session *session);

/* Whether flame graphs of allocations are made of the visits that take a route, in windows, and not
 * of sampled allocations. */
bool session__follows_visits(const struct session *session);

/* Everything known now. */
int session__read(struct session *session, struct reading *reading);

#endif
