/* SPDX-License-Identifier: MIT */
/* The table of all workloads, which list.h names. */
#include <string.h>

#include "bench/workloads/list.h"

#define WORKLOAD_LISTED(id) &workload_##id,

const struct workload *const workloads[] = {BENCH_WORKLOADS(WORKLOAD_LISTED) NULL};

const struct workload *workload_find(const char *name)
{
	for (size_t i = 0; workloads[i]; i++)
		if (strcmp(workloads[i]->name, name) == 0)
			return workloads[i];
	return NULL;
}
