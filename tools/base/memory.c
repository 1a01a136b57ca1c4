/* SPDX-License-Identifier: MIT */
#include "tools/base/memory.h"

#include <sys/resource.h>

void memory__set_ceiling(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_DATA, &limit) || limit.rlim_cur <= MEMORY_CEILING)
		return;
	limit.rlim_cur = MEMORY_CEILING;
	(void)setrlimit(RLIMIT_DATA, &limit);
}
