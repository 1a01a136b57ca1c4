/* SPDX-License-Identifier: MIT */
/* What the samples say in lines for people: lifetimes, and callers by live and temporary bytes. */
#ifndef HAK_FLAME_SUMMARY_H
#define HAK_FLAME_SUMMARY_H

#include <stdio.h>

struct flame;

/* While no sample is taken in. Nothing where frees were not asked for. */
void flame__summary(const struct flame *flame, FILE *out);

#endif
