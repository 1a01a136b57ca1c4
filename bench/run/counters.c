/* SPDX-License-Identifier: MIT */
#include "bench/run/counters.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CACHE_MISSES(cache) \
	((cache) | PERF_COUNT_HW_CACHE_OP_READ << 8 | PERF_COUNT_HW_CACHE_RESULT_MISS << 16)

static const struct {
	const char *name;
	uint32_t type;
	uint64_t config;
} events[COUNTER_COUNT] = {
        [COUNTER_INSTRUCTIONS] = {"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
        [COUNTER_BRANCHES] = {"branches", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS},
        [COUNTER_BRANCH_MISSES] = {"branch_misses", PERF_TYPE_HARDWARE,
                                   PERF_COUNT_HW_BRANCH_MISSES},
        [COUNTER_CYCLES] = {"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
        [COUNTER_L1I_MISSES] = {"l1i_misses", PERF_TYPE_HW_CACHE,
                                CACHE_MISSES(PERF_COUNT_HW_CACHE_L1I)},
        [COUNTER_ITLB_MISSES] = {"itlb_misses", PERF_TYPE_HW_CACHE,
                                 CACHE_MISSES(PERF_COUNT_HW_CACHE_ITLB)},
        [COUNTER_DTLB_MISSES] = {"dtlb_misses", PERF_TYPE_HW_CACHE,
                                 CACHE_MISSES(PERF_COUNT_HW_CACHE_DTLB)},
        [COUNTER_CONTEXT_SWITCHES] = {"context_switches", PERF_TYPE_SOFTWARE,
                                      PERF_COUNT_SW_CONTEXT_SWITCHES},
};

static int descriptors[COUNTER_COUNT];

const char *counter_name(enum counter counter)
{
	return events[counter].name;
}

void counters_open(void)
{
	for (int i = 0; i < COUNTER_COUNT; i++) {
		bool hardware = events[i].type != PERF_TYPE_SOFTWARE;
		struct perf_event_attr attr = {
		        .type = events[i].type,
		        .size = sizeof(attr),
		        .config = events[i].config,
		        .read_format =
		                PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
		        .disabled = 1,
		        .inherit = 1,
		        /* The kernel counts context switches in kernel mode, so that one may not
		           exclude it. */
		        .exclude_kernel = hardware,
		        .exclude_hv = 1,
		};
		descriptors[i] =
		        (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	}
}

static void control(unsigned long request)
{
	for (int i = 0; i < COUNTER_COUNT; i++)
		if (descriptors[i] >= 0)
			ioctl(descriptors[i], request, 0);
}

void counters_start(void)
{
	control(PERF_EVENT_IOC_RESET);
	control(PERF_EVENT_IOC_ENABLE);
}

struct counters counters_stop(void)
{
	struct counters counters = {0};
	control(PERF_EVENT_IOC_DISABLE);
	for (int i = 0; i < COUNTER_COUNT; i++) {
		struct {
			uint64_t value, enabled, running;
		} read_back;
		if (descriptors[i] < 0 ||
		    read(descriptors[i], &read_back, sizeof(read_back)) != sizeof(read_back) ||
		    !read_back.running)
			continue;
		/* Some virtual machines let a counter be opened that never counts. */
		if (!read_back.value &&
		    (i == COUNTER_INSTRUCTIONS || i == COUNTER_CYCLES || i == COUNTER_BRANCHES))
			continue;
		counters.available[i] = true;
		counters.value[i] = (double)read_back.value *
		                    ((double)read_back.enabled / (double)read_back.running);
	}
	return counters;
}
