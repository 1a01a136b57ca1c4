/* SPDX-License-Identifier: MIT */
#include "tools/attach/attach.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tools/base/privileges.h"
#include "tools/base/say.h"

static int print_to_stderr(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (level == LIBBPF_DEBUG)
		return 0;
	return vfprintf(stderr, format, arguments);
}

void attach__set_verbose(bool verbose)
{
	libbpf_set_print(verbose ? print_to_stderr : NULL);
}

int attach__namespace(uint64_t *device, uint64_t *inode)
{
	struct stat info;

	if (stat("/proc/self/ns/pid", &info))
		return -errno;
	*device = info.st_dev;
	*inode = info.st_ino;
	return 0;
}

static const char *kernel_release(void)
{
	static struct utsname name;

	return uname(&name) ? "?" : name.release;
}

int attach__check(void)
{
	char missing[64];

	if (*privileges__missing(privileges__effective(), missing, sizeof(missing))) {
		say("missing privileges: %s: run as root, or give hakprobe these capabilities",
		    missing);
		return -EPERM;
	}
	if (access("/sys/kernel/btf/vmlinux", R_OK)) {
		say("kernel %s has no BTF (/sys/kernel/btf/vmlinux): it must be built with "
		    "CONFIG_DEBUG_INFO_BTF",
		    kernel_release());
		return -ENOTSUP;
	}
	if (access("/sys/bus/event_source/devices/uprobe/format/ref_ctr_offset", R_OK)) {
		say("kernel %s has no uprobes with semaphores (or /sys is not mounted): "
		    "CONFIG_UPROBE_EVENTS is needed",
		    kernel_release());
		return -ENOTSUP;
	}
	return 0;
}

int attach__failed_uprobe(const char *step, int err)
{
	if ((err == -EPERM || err == -EACCES) && !privileges__is_admin(privileges__effective())) {
		say("missing privileges: CAP_SYS_ADMIN (Linux %s lets no one else create "
		    "uprobes): run as root",
		    kernel_release());
		return err;
	}
	return attach__failed(step, err);
}

int attach__failed(const char *step, int err)
{
	if (err == -EPERM || err == -EACCES)
		say("cannot %s: %s, although CAP_BPF and CAP_PERFMON are there: inside a "
		    "container or under lockdown the kernel refuses it; run hakprobe on the host",
		    step, strerror(-err));
	else
		say("cannot %s: %s (kernel %s; 5.15 or later is needed; --verbose shows libbpf's "
		    "log)",
		    step, strerror(-err), kernel_release());
	return err;
}
