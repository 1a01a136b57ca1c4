/* SPDX-License-Identifier: MIT */
/*
 * The live view on a terminal: full-screen, with keys. It shows the newest report of one process at
 * a time; while it lives it owns the terminal.
 */
#ifndef HAK_SCREEN_H
#define HAK_SCREEN_H

#include <stdbool.h>
#include <sys/types.h>

#include "tools/profile/report.h"

struct screen;

enum screen_answer { SCREEN_GOES_ON, SCREEN_QUIT };

/* Whether we have a terminal to show it on. */
bool screen__is_possible(void);

/* NULL when the terminal cannot do it. */
struct screen *screen__new(enum report_view view, enum report_sort sort);

/* Accepts NULL; gives the terminal back as it was. */
void screen__free(struct screen *screen);

/* A new report of a process. Must stay as it is until the next one of that process, or forget. */
void screen__report(struct screen *screen, pid_t pid, const struct report *report);
void screen__forget(struct screen *screen, pid_t pid);

/* Takes the keys that were pressed, and follows a change of the terminal's size. */
enum screen_answer screen__keys(struct screen *screen);

#endif
