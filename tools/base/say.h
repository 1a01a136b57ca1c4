/* SPDX-License-Identifier: MIT */
/* Chatter: one line on stderr each, so that stdout carries nothing but data. */
#ifndef HAK_SAY_H
#define HAK_SAY_H

/* "hakprobe: " in front, a newline behind; whatever is said is one line of plain text. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says that `path` was written, or why not (`err`, negative or 0), which it returns. */
int say__written(const char *path, int err);

/*
 * While held, lines wait, because a full-screen view owns the terminal; releasing prints them. The
 * newest line that waits, "" when none does.
 */
void say__hold(void);
void say__release(void);
const char *say__newest(void);

#endif
