/* SPDX-License-Identifier: MIT */
#include "tools/base/privileges.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

static bool has(uint64_t effective, int capability)
{
	return effective >> capability & 1;
}

uint64_t privileges__effective(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	uint64_t effective = 0;
	char line[256];

	while (status && fgets(line, sizeof(line), status)) {
		if (sscanf(line, "CapEff: %" SCNx64, &effective) == 1)
			break;
	}
	if (status)
		fclose(status);
	return effective;
}

const char *privileges__missing(uint64_t effective, char *names, size_t size)
{
	bool bpf = has(effective, CAP_BPF) || has(effective, CAP_SYS_ADMIN);
	bool perfmon = has(effective, CAP_PERFMON) || has(effective, CAP_SYS_ADMIN);

	snprintf(names, size, "%s%s%s", bpf ? "" : "CAP_BPF", bpf || perfmon ? "" : ", ",
	         perfmon ? "" : "CAP_PERFMON");
	return names;
}

bool privileges__is_admin(uint64_t effective)
{
	return has(effective, CAP_SYS_ADMIN);
}

bool privileges__may_trace(uint64_t effective)
{
	return has(effective, CAP_SYS_PTRACE);
}

uint64_t privileges__needed(unsigned uses)
{
	static const struct {
		unsigned use;
		int capability;
	} needs[] = {
	        {PRIVILEGES_READ, CAP_SYS_PTRACE},
	        {PRIVILEGES_READ, CAP_DAC_READ_SEARCH},
	        {PRIVILEGES_READ, CAP_CHECKPOINT_RESTORE}, /* /proc/PID/map_files */
	        {PRIVILEGES_ATTACH, CAP_BPF},
	        {PRIVILEGES_ATTACH, CAP_PERFMON},
	        {PRIVILEGES_ATTACH_PERF, CAP_SYS_ADMIN},
	        {PRIVILEGES_WRITE, CAP_DAC_OVERRIDE},
	        {PRIVILEGES_SIGNAL, CAP_KILL},
	};
	uint64_t needed = 0;

	for (size_t i = 0; i < sizeof(needs) / sizeof(*needs); i++) {
		if (uses & needs[i].use)
			needed |= 1ull << needs[i].capability;
	}
	return needed;
}

int privileges__keep(unsigned uses)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	const uint64_t needed = privileges__needed(uses);

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_capget, &header, data))
		return -errno;
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(needed >> 32 * i);
		data[i].effective &= data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}
