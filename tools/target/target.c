/* SPDX-License-Identifier: MIT */
#include "tools/target/target.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tools/base/clock.h"
#include "tools/base/privileges.h"
#include "tools/base/say.h"
#include "tools/base/text.h"
#include "tools/target/maps.h"
#include "tools/target/proc.h"

static int say_no_process(pid_t pid)
{
	say("no process has pid %d: give the pid of a running process (pgrep -a NAME finds it)",
	    pid);
	return -ESRCH;
}

static int say_not_ours(pid_t pid)
{
	uid_t owner = 0;

	if (proc__owner(pid, &owner))
		return say_no_process(pid);
	say("process %d of user %u is not ours to trace (EPERM): %s", pid, owner,
	    privileges__may_trace(privileges__effective())
	            ? "the kernel refuses it although CAP_SYS_PTRACE is there"
	            : "run as root, or with CAP_SYS_PTRACE");
	return -EPERM;
}

/* --- finding the allocator ------------------------------------------------------------------- */

/* Whether it is what we look for: libhakmem, or else anything that speaks otel_memory. */
static bool is_wanted(const struct object *object, bool foreign)
{
	return foreign ? object->has_alloc : object->has_note;
}

/* A library's text is the allocator's, as far as we know; a program's is not. */
static void set_text(struct target *target, const struct mapping *mapping)
{
	target->text_start = target->object->text_start + target->bias;
	target->text_end = target->object->text_end + target->bias;
	if (target->foreign && !target->object->shared)
		target->text_start = target->text_end = mapping->start;
}

/* What of the open file `fd` is to be known, when it is what we look for: 1 adopted, 0 not it. */
static int adopt(struct target *target, const struct mapping *mapping, int fd, bool foreign)
{
	int err = object__read(&target->object, fd);

	if (err)
		return err == -ENOMEM ? err : 0;
	if (!is_wanted(target->object, foreign)) {
		object__free(target->object);
		target->object = NULL;
		return 0;
	}
	target->foreign = foreign;
	target->library = text__utf8(mapping->path);
	/* Held open, it stays that file whatever becomes of its name. */
	target->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (!target->library || target->fd < 0 ||
	    asprintf(&target->path, "/proc/self/fd/%d", target->fd) < 0)
		return -ENOMEM;
	err = object__bias(target->object, mapping->start, mapping->offset, &target->bias);
	set_text(target, mapping);
	return err ? err : 1;
}

/* Adopts the object of `mapping` when it is wanted: 1 adopted, 0 not it, or -errno. */
static int try_mapping(struct target *target, const struct mapping *mapping, bool foreign)
{
	int fd = mapping__open(mapping, target->pid), result;

	if (fd < 0)
		return 0;
	result = adopt(target, mapping, fd, foreign);
	close(fd);
	return result;
}

static bool was_tried(const struct maps *maps, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		if (maps->list[j].executable && maps->list[j].inode == maps->list[i].inode &&
		    maps->list[j].device == maps->list[i].device)
			return true;
	}
	return false;
}

/* libhakmem in any mapping goes before anything else. */
static int find_allocator(struct target *target)
{
	struct maps maps;
	size_t tried = 0;
	int err;

	err = maps__read(&maps, target->pid);
	if (err)
		return err;
	for (size_t i = 0; i < 2 * maps.count && !err && tried < 2 * MAPS_CODE_MAX; i++) {
		const struct mapping *mapping = &maps.list[i % maps.count];

		if (!mapping->executable || !mapping->inode)
			continue;
		tried++;
		if (!was_tried(&maps, i % maps.count))
			err = try_mapping(target, mapping, i >= maps.count);
	}
	maps__clear(&maps);
	if (err < 0)
		return err;
	return err ? 0 : -ENOENT;
}

static int check_note(const struct target *target)
{
	const struct hak_note *note = &target->object->note;

	if (note->version == HAK_RECORD_VERSION && note->bytes == sizeof(struct hak_process_record))
		return 0;
	say("%s writes records of version %u (%u bytes), this hakprobe reads version %d (%zu "
	    "bytes): use the hakprobe that was built with that library",
	    target->library, note->version, note->bytes, HAK_RECORD_VERSION,
	    sizeof(struct hak_process_record));
	return -EPROTO;
}

static int say_not_found(const struct target *target, int err)
{
	if (err == -EACCES || err == -EPERM)
		return say_not_ours(target->pid);
	if (err == -ESRCH)
		return say_no_process(target->pid);
	if (err == -ENOENT) {
		/* /proc/PID/maps is empty or gone too when the process has just ended. */
		if (target__has_ended(target))
			return say_no_process(target->pid);
		say("process %d (%s) does not map libhakmem: start it with "
		    "LD_PRELOAD=libhakmem.so, or "
		    "link it with libhakmem.a",
		    target->pid, target->command);
		return err;
	}
	say("process %d: cannot read its libhakmem: %s", target->pid, strerror(-err));
	return err;
}

/* --- life ------------------------------------------------------------------------------------ */

static int open_process(struct target *target)
{
	struct proc_stat stat;

	target->pidfd = (int)syscall(SYS_pidfd_open, target->pid, 0);
	if (target->pidfd < 0) {
		if (errno == ESRCH || errno == EINVAL)
			return say_no_process(target->pid);
		say("pidfd_open: %s: hakprobe needs Linux 5.8 or later", strerror(errno));
		return -errno;
	}
	target->command = proc__command(target->pid);
	if (!target->command || proc__stat(&stat, target->pid))
		return say_no_process(target->pid);
	target->start_ticks = stat.start_ticks;
	if (proc__is_translated(target->pid)) {
		say("process %d (%s) runs under valgrind, which a probe would end: watch it without",
		    target->pid, target->command);
		return -ENOTSUP;
	}
	return 0;
}

int target__new(struct target **result, pid_t pid)
{
	struct target *target = calloc(1, sizeof(*target));
	int err;

	*result = NULL;
	if (!target)
		return -ENOMEM;
	target->pid = pid;
	target->pidfd = target->fd = -1;
	err = open_process(target);
	if (err)
		goto out;
	err = find_allocator(target);
	if (err) {
		err = say_not_found(target, err);
		goto out;
	}
	err = target->foreign ? 0 : check_note(target);
	if (err)
		goto out;
	if (!target->foreign)
		target->process = target->object->note.process + target->bias;
	*result = target;
	target = NULL;
	err = 0;
out:
	target__free(target);
	return err;
}

void target__free(struct target *target)
{
	if (!target)
		return;
	object__free(target->object);
	if (target->pidfd >= 0)
		close(target->pidfd);
	if (target->fd >= 0)
		close(target->fd);
	free(target->path);
	free(target->library);
	free(target->command);
	free(target);
}

/* --- gauges ---------------------------------------------------------------------------------- */

bool target__has_ended(const struct target *target)
{
	struct pollfd end = {.fd = target->pidfd, .events = POLLIN};

	return poll(&end, 1, 0) > 0;
}

bool target__was_replaced(const struct target *target)
{
	const struct mapping *mapping;
	struct maps maps;
	bool replaced;
	char *name;

	if (maps__read(&maps, target->pid))
		return false;
	mapping = maps__find(&maps, target->text_start);
	name = mapping ? text__utf8(mapping->path) : NULL;
	replaced = maps.count && (!mapping || (name && strcmp(name, target->library) != 0));
	free(name);
	maps__clear(&maps);
	return replaced;
}

uint64_t target__rss(const struct target *target)
{
	struct proc_stat stat;

	return proc__stat(&stat, target->pid) ? 0 : stat.rss;
}

uint64_t target__threads(const struct target *target)
{
	struct proc_stat stat;

	return proc__stat(&stat, target->pid) ? 0 : stat.threads;
}

uint64_t target__cpu_ns(const struct target *target)
{
	clockid_t clock;

	return clock_getcpuclockid(target->pid, &clock) ? 0 : clock__ns(clock);
}

double target__uptime(const struct target *target)
{
	return (double)clock__ns(CLOCK_BOOTTIME) / 1e9 -
	       (double)target->start_ticks / (double)sysconf(_SC_CLK_TCK);
}
