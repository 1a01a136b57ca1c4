/* SPDX-License-Identifier: MIT */
#include "tools/base/privileges.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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
