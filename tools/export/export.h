/* SPDX-License-Identifier: MIT */
/* Files of profiles: the suffix of the name is the format. */
#ifndef HAK_EXPORT_H
#define HAK_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tools/profile/profile.h"
#include "tools/profile/stacks.h"
#include "tools/symbols/code.h"

struct timeline;

/* What is to be written; a format takes of it what it can hold. */
struct export_source {
	const struct profile *profiles[FLAME_KINDS]; /* the kinds that are to be shown */
	size_t profile_count;
	const char *note; /* NULL: none */

	const struct stacks *stacks; /* NULL: names only */
	unsigned kinds;              /* 1u << enum flame_kind, or-ed: valid columns of the stacks */
	enum flame_kind first;       /* the one that a viewer opens with */
	const double *scale;         /* [FLAME_KINDS]: what a unit of weight stands for; NULL: 1 */
	const struct code_mapping *mappings; /* by address */
	size_t mapping_count;
	uint64_t start_ns; /* since 1970 */
	uint64_t duration_ns;

	const struct timeline *timeline; /* NULL: none */
	const char *summary;             /* NULL: none */
};

struct export_format {
	const char *suffix;
	bool several; /* one file may hold several kinds */
	bool heap;    /* one file may hold all kinds but FLAME_CPU */
	int (*write)(const struct export_source *source, FILE *out);
};

/* NULL when the suffix is not known. */
const struct export_format *export_format__of(const char *path);

/* Every suffix there is, for messages. */
#define EXPORT_SUFFIXES ".svg, .folded, .pb.gz, .speedscope.json or .html"

/* Writes atomically (temporary file, rename). 0 or -errno; -EINVAL for a suffix that is not known,
 * or a format that needs more than is there. */
int export_file(const struct export_source *source, const char *path);

/* Writes one profile. 0 or -errno; -EINVAL for a suffix that is not known, or a format that needs
 * more than a profile. */
int export_profile(const struct profile *profile, const char *note, const char *path);

/*
 * Brendan Gregg's folded stacks, "a;b;c WEIGHT\n", weights rounded, sorted frame by frame in byte
 * order. In a name ';' becomes ':' and control characters become ' '. 0 or -errno.
 */
int export_folded(const struct profile *profile, FILE *out);

/* Self-contained SVG flame graph with zoom and search; `note` (may be NULL) is shown below the
 * title. Frames narrower than a tenth of a pixel are left out. 0 or -errno. */
int export_svg(const struct profile *profile, const char *note, FILE *out);

/* The same as a part of an HTML page. */
int export_svg_inline(const struct profile *profile, const char *note, FILE *out);

/* Writers of one format each; 0 or -errno. */
int export_pprof(const struct export_source *source, FILE *out);
int export_speedscope(const struct export_source *source, FILE *out);
int export_html(const struct export_source *source, FILE *out);

#endif
