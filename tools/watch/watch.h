/* SPDX-License-Identifier: MIT */
/* Watching: a report of each process every interval until it is over, and the summaries. */
#ifndef HAK_WATCH_H
#define HAK_WATCH_H

#include "tools/watch/options.h"

struct watch;

/*
 * Life: new, begin (attaches to the processes of the options and takes the first readings), run
 * (until the end that the options ask for, Ctrl-C, or the last process's end; then the summaries
 * and the files), free. Failures are told on stderr; 0 or -errno.
 */
struct watch *watch__new(const struct options *options);
int watch__begin(struct watch *watch);
int watch__run(struct watch *watch);

/* Accepts NULL. */
void watch__free(struct watch *watch);

#endif
