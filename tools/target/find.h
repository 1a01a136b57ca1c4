/* SPDX-License-Identifier: MIT */
/* Finds every process that runs on libhakmem, again and again. */
#ifndef HAK_FIND_H
#define HAK_FIND_H

#include <sys/types.h>

struct find;

/* NULL and ENOMEM on failure. */
struct find *find__new(void);

/* Accepts NULL. */
void find__free(struct find *find);

/*
 * Calls `found` for each process that was not found before and maps an object that contains the
 * allocator; each program of a process is told once. Processes that may not be looked at are passed
 * over. 0, -errno, or what `found` returned when that was not 0.
 */
typedef int find_fn(void *context, pid_t pid);
int find__scan(struct find *find, find_fn *found, void *context);

#endif
