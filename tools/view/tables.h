/* SPDX-License-Identifier: MIT */
/* The tables of a report as lines of text: size classes, threads, callers, functions, latencies. */
#ifndef HAK_TABLES_H
#define HAK_TABLES_H

#include <stdio.h>

#include "tools/profile/report.h"

/* At most `rows` rows, sorted by `sort`; how many there are in all. */
size_t tables__classes(FILE *out, const struct report *report, enum report_sort sort, size_t rows);
size_t tables__threads(FILE *out, const struct report *report, enum report_sort sort, size_t rows);
size_t tables__callers(FILE *out, const struct report *report, size_t rows);
size_t tables__functions(FILE *out, const struct report *report, size_t rows);

/* Nothing where it was not asked for. */
void tables__latency(FILE *out, const struct report *report);

/* The one that `view` names. */
size_t tables__show(FILE *out, const struct report *report, enum report_view view,
                    enum report_sort sort, size_t rows);

#endif
