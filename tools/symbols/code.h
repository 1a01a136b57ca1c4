/* SPDX-License-Identifier: MIT */
/* The files that a process has mapped as code, with build-ids: what names an address for later
 * tools, also after the process has ended. */
#ifndef HAK_CODE_H
#define HAK_CODE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct code;

/* A stretch of it. */
struct code_mapping {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	const char *path;
	const char *build_id; /* hexadecimal, or "" */
};

/* Reads what process `pid` has mapped now. NULL and ENOMEM on failure. */
struct code *code__new(pid_t pid);

/* Accepts NULL. */
void code__free(struct code *code);

/* Sees to it that the code at `ip` is known, if there is any: reads the mappings again when it is
 * not, but at most once a second. */
void code__cover(struct code *code, uint64_t ip);

/* By address; valid until the next call of code__cover(). */
const struct code_mapping *code__mappings(const struct code *code, size_t *count);

#endif
