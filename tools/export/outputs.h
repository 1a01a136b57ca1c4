/* SPDX-License-Identifier: MIT */
/*
 * Which file gets which flame graphs. An argument of -o is [KINDS=]FILE: KINDS is a list as of
 * --flame, by default all kinds that were asked for. %k in FILE stands for a kind's name, one file
 * each. Else a file whose format holds one kind alone must be left with one.
 */
#ifndef HAK_OUTPUTS_H
#define HAK_OUTPUTS_H

#include <stddef.h>

enum { OUTPUTS_MAX = 64 };

struct output {
	char *path;
	unsigned kinds; /* 1u << enum flame_kind, or-ed */
};

struct outputs {
	struct output list[OUTPUTS_MAX];
	size_t count;
};

/* The kinds in a list such as "alloc,live", of which
 * `length` bytes count; 0 when one is unknown. */
unsigned outputs__parse_kinds(const char *list, size_t length);

/* Adds what one argument names, when `kinds` are asked for. NULL, or what is wrong with it. */
const char *outputs__add(struct outputs *outputs, const char *argument, unsigned kinds);

/* Frees what `outputs` holds. */
void outputs__clear(struct outputs *outputs);

#endif
