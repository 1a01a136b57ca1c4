/* SPDX-License-Identifier: MIT */
/* What a watch adds to its raw capture at the end: who was watched, modules, and exact totals. */
#ifndef HAK_RECORDER_H
#define HAK_RECORDER_H

#include "tools/capture/capture.h"
#include "tools/profile/reading.h"
#include "tools/symbols/unwind.h"

/* Completes the capture of `target` from the reading `start` to `now`. 0 or -errno. */
int recorder__finish(struct capture_writer *writer, const struct target *target,
                     struct unwinder *unwinder, enum unwind_mode mode, const struct reading *start,
                     const struct reading *now, uint64_t lost);

#endif
