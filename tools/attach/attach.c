/* SPDX-License-Identifier: MIT */
#include "tools/attach/attach.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tools/base/privileges.h"
#include "tools/base/say.h"
#include "tools/target/target.h"

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

int attach__whom(struct attach_whom *whom, pid_t pid)
{
	struct stat info;

	if (stat("/proc/self/ns/pid", &info))
		return -errno;
	*whom = (struct attach_whom){(uint32_t)pid, info.st_dev, info.st_ino};
	return 0;
}

/* --- life ------------------------------------------------------------------------------------- */

void *attach__new(struct attachments *all, const struct attach_kind *kind, size_t size,
                  const struct target *target)
{
	struct attach *attach = all->count < ATTACHMENTS ? calloc(1, size) : NULL;

	if (!attach)
		return NULL;
	attach->kind = kind;
	attach->target = target;
	all->list[all->count++] = attach;
	return attach;
}

/* "cannot VERB WHAT NOUN: …" */
static int failed_to(const char *verb, const char *what, const char *noun, int err)
{
	char step[128];

	snprintf(step, sizeof(step), "%s the %s %s", verb, what, noun);
	return attach__failed(step, err);
}

int attachments__prepare(struct attachments *all)
{
	for (size_t i = 0; i < all->count; i++) {
		struct attach *attach = all->list[i];
		struct attach_whom whom;
		int err = attach__whom(&whom, attach->target->pid);

		if (err)
			return attach__failed("find the pid namespace", err);
		attach->skeleton = attach->kind->open(attach, &whom);
		if (!attach->skeleton)
			return failed_to("open", attach->kind->name, "program", -errno);
	}
	return 0;
}

int attachments__load(struct attachments *all)
{
	for (size_t i = 0; i < all->count; i++) {
		int err = bpf_object__load_skeleton(all->list[i]->skeleton);

		if (err)
			return failed_to("load", all->list[i]->kind->name, "program", err);
	}
	return 0;
}

int attach__make_ring(struct attach *attach, const struct bpf_map *map,
                      int (*on_event)(void *attach, void *event, size_t size))
{
	attach->ring = ring_buffer__new(bpf_map__fd(map), on_event, attach, NULL);
	return attach->ring ? 0 : failed_to("map", attach->kind->events, "ring buffer", -errno);
}

int attachments__attach(struct attachments *all)
{
	int err = 0;

	for (size_t i = 0; i < all->count && !err; i++)
		err = all->list[i]->kind->attach(all->list[i]);
	return err;
}

int attachments__consume(struct attachments *all)
{
	int err = 0;

	for (size_t i = 0; i < all->count && err >= 0; i++) {
		if (all->list[i]->ring)
			err = ring_buffer__consume(all->list[i]->ring);
	}
	return err < 0 ? err : 0;
}

size_t attachments__fds(const struct attachments *all, struct pollfd fds[ATTACHMENTS])
{
	size_t count = 0;

	for (size_t i = 0; i < all->count; i++) {
		const struct ring_buffer *ring = all->list[i]->ring;

		if (ring)
			fds[count++] = (struct pollfd){ring_buffer__epoll_fd(ring), POLLIN, 0};
	}
	return count;
}

void attachments__free(struct attachments *all)
{
	for (size_t i = 0; i < all->count; i++) {
		struct attach *attach = all->list[i];

		attach->kind->detach(attach);
		ring_buffer__free(attach->ring);
		attach->kind->destroy(attach);
		free(attach);
	}
	all->count = 0;
}

/* --- what is missing, what failed -------------------------------------------------------------- */

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
