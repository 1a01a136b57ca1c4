/* SPDX-License-Identifier: MIT */
/* The ways to show a report. */
#ifndef HAK_VIEW_H
#define HAK_VIEW_H

#include <stdio.h>

#include "tools/profile/report.h"

struct view {
	/* Once, after the attach: whom we watch and how. May be NULL. */
	void (*begin)(FILE *out, const struct target *target, const struct attachment *attachment,
	              const struct reading *now);
	/* Each interval. */
	void (*interval)(FILE *out, const struct report *report);
	/* At the end, from the attach until now. May be NULL. */
	void (*summary)(FILE *out, const struct report *report);
};

extern const struct view view_lines; /* for people */
extern const struct view view_json;  /* one object a line */

#endif
