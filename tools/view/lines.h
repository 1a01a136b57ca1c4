/* SPDX-License-Identifier: MIT */
/* Parts of the plain live view, which the full-screen one shows as well. */
#ifndef HAK_LINES_H
#define HAK_LINES_H

#include <stdio.h>

#include "tools/profile/report.h"

/* Whom we watch and how. */
void lines__header(FILE *out, const struct target *target, const struct attachment *attachment,
                   const struct reading *now);

/* Time, pid, threads, CPU: one line. */
void lines__title(FILE *out, const struct report *report);

/* Own cost, governor, calls, memory, what malloc and free cost. */
void lines__figures(FILE *out, const struct report *report);

#endif
