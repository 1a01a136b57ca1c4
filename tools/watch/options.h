/* SPDX-License-Identifier: MIT */
/* What hakprobe is asked to do: read everywhere in a watch, filled in by the command line. */
#ifndef HAK_OPTIONS_H
#define HAK_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/record.h"
#include "tools/export/outputs.h"
#include "tools/profile/flame.h"
#include "tools/profile/report.h"
#include "tools/symbols/unwind.h"

enum { OPTIONS_OUTPUTS = 16 /* arguments of -o */, OPTIONS_PIDS = 64 };

struct options {
	pid_t pids[OPTIONS_PIDS]; /* none: every process that maps libhakmem */
	size_t pid_count;
	double interval;     /* seconds, > 0 */
	unsigned long count; /* of intervals; 0 no limit */
	double duration;     /* seconds; 0 no limit */
	unsigned hz;         /* samples of the instruction pointer per second and CPU */
	bool json;
	struct flame_config flame;
	enum unwind_mode unwind;
	const char *output_arguments[OPTIONS_OUTPUTS];
	size_t output_count;
	const char *capture;    /* .hak; NULL none */
	struct outputs outputs; /* what these name; the caller clears it */
	double ceiling; /* of what watching may cost, in cores per busy thread of the target */
	bool latency;   /* histograms of cold visits */
	bool lines;     /* no full-screen view */
	enum report_view view;
	enum report_sort sort;
	int class;            /* only this size class; -1: all, unless class_size says which */
	uint64_t class_size;  /* the class of blocks of so many bytes; 0 not given */
	enum hak_route route; /* only mallocs that it serves; HAK_ROUTE_COUNT: all */
	char **command;       /* to run under libhakmem, NULL at its end; NULL: none */
	const char *library;  /* for it; NULL: the one next to hakprobe */
	bool no_read;
	bool verbose;
};

/* Whether the option's route is known by cold visits, and not by what is sampled. */
bool options__route_is_visits(const struct options *options);

#endif
