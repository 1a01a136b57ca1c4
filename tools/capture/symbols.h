/* SPDX-License-Identifier: MIT */
/*
 * Names for what had none when a capture was taken, from files on this machine that have the same
 * build-ids: the module's own path, and .build-id directories of debug files.
 */
#ifndef HAK_CAPTURE_SYMBOLS_H
#define HAK_CAPTURE_SYMBOLS_H

#include "tools/capture/capture.h"
#include "tools/symbols/symbols.h"

struct capture_symbols;

/* Of `capture`, which must live as long. `directory` (may be NULL) is looked into before
 * /usr/lib/debug. NULL when out of memory. */
struct capture_symbols *capture_symbols__new(const struct capture *capture, const char *directory);

/* Accepts NULL. */
void capture_symbols__free(struct capture_symbols *symbols);

/*
 * The names of `frame`, the outermost first: as they were captured, or those found now, with what
 * is inlined there. At most `room` ≥ 1; returns how many. They live as long as the symbols.
 */
size_t capture_symbols__names(struct capture_symbols *symbols, const struct capture_frame *frame,
                              const char **names, size_t room);

/* Whether `name` is only a place: "module+0x1234", or "[unknown]". */
bool capture_symbols__is_nameless(const char *name);

#endif
