/* SPDX-License-Identifier: MIT */
#include "tools/base/clock.h"

uint64_t clock__ns(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now))
		return 0;
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t clock__mono_ns(void)
{
	return clock__ns(CLOCK_MONOTONIC);
}

uint64_t clock__real_ns(void)
{
	return clock__ns(CLOCK_REALTIME);
}
