/* SPDX-License-Identifier: MIT */
#include "tools/cli/doctor.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bpf/counters.h"
#include "latency.skel.h"
#include "tools/attach/attach.h"
#include "tools/attach/selftest.h"
#include "tools/attach/uprobe.h"
#include "tools/base/privileges.h"
#include "tools/cli/parse.h"
#include "tools/target/ledger.h"
#include "tools/target/proc.h"
#include "tools/target/records.h"
#include "tools/target/target.h"

enum verdict { GOOD, NOTE, BAD };

static int faults;

__attribute__((format(printf, 3, 4))) static void tell(enum verdict verdict, const char *what,
                                                       const char *format, ...)
{
	static const char *const words[] = {"ok", "note", "FAIL"};
	va_list arguments;

	printf("%-5s %-14s ", words[verdict], what);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	faults += verdict == BAD;
}

/* The first line of a file, "" when it cannot be read. */
static const char *first_line(const char *path)
{
	static char line[256];
	FILE *file = fopen(path, "re");

	line[0] = '\0';
	if (file) {
		if (fgets(line, sizeof(line), file))
			line[strcspn(line, "\n")] = '\0';
		fclose(file);
	}
	return line;
}

/* --- the kernel ------------------------------------------------------------------------------ */

static void examine_kernel(void)
{
	unsigned major = 0, minor = 0;
	struct utsname name;

	if (!uname(&name))
		sscanf(name.release, "%u.%u", &major, &minor);
	tell(major * 1000 + minor >= 5015 ? GOOD : BAD, "kernel",
	     "Linux %s %s; 5.15 or later on x86_64 is needed", name.release, name.machine);
	tell(access("/sys/kernel/btf/vmlinux", R_OK) ? BAD : GOOD, "BTF",
	     "/sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF)");
	tell(access("/sys/bus/event_source/devices/uprobe/format/ref_ctr_offset", R_OK) ? BAD
	                                                                                : GOOD,
	     "uprobes", "with semaphores (CONFIG_UPROBE_EVENTS), attached by %s",
	     uprobe__has_multi() ? "uprobe_multi links" : "perf events");
	tell(GOOD, "libbpf", "%s", libbpf_version_string());
}

/* What the system forbids its users; root, or the capabilities below, are mostly above that. */
static void examine_policy(void)
{
	const char *line = first_line("/sys/kernel/security/lockdown");

	if (strstr(line, "[confidentiality]"))
		tell(BAD, "lockdown", "%s: BPF may not read memory", line);
	else
		tell(GOOD, "lockdown", "%s", *line ? line : "not there");
	line = first_line("/proc/sys/kernel/perf_event_paranoid");
	tell(GOOD, "perf paranoid", "%s (CAP_PERFMON is above it)", *line ? line : "?");
	line = first_line("/proc/sys/kernel/yama/ptrace_scope");
	tell(GOOD, "yama", "ptrace_scope %s", *line ? line : "not there");
	line = first_line("/proc/sys/kernel/unprivileged_bpf_disabled");
	tell(GOOD, "bpf disabled", "%s for the unprivileged", *line ? line : "?");
}

static unsigned seccomp_mode(pid_t pid)
{
	char path[64], line[256];
	unsigned mode = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status)) {
		if (sscanf(line, "Seccomp: %u", &mode) == 1)
			break;
	}
	if (status)
		fclose(status);
	return mode;
}

static void examine_privileges(void)
{
	static const struct {
		int number;
		const char *name;
		const char *use;
	} wanted[] = {
	        {CAP_BPF, "CAP_BPF", "load BPF programs"},
	        {CAP_PERFMON, "CAP_PERFMON", "attach them, sample instruction pointers"},
	        {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "read processes of other users"},
	        {CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "create uprobes where uprobe_multi links are not"},
	};
	uint64_t effective = privileges__effective();
	bool admin = privileges__is_admin(effective);

	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		bool has = effective >> wanted[i].number & 1;
		bool needed = wanted[i].number == CAP_BPF || wanted[i].number == CAP_PERFMON;
		bool idle = wanted[i].number == CAP_SYS_ADMIN && uprobe__has_multi();

		tell(has || idle || (needed && admin) ? GOOD
		     : needed                         ? BAD
		                                      : NOTE,
		     wanted[i].name, "%s: %s",
		     has    ? "there"
		     : idle ? "not there, and not needed"
		            : "missing",
		     wanted[i].use);
	}
	tell(seccomp_mode(getpid()) ? NOTE : GOOD, "seccomp", "%s",
	     seccomp_mode(getpid()) ? "hakprobe runs under a filter, which may refuse bpf()"
	                            : "no filter on hakprobe");
}

/* --- self tests ------------------------------------------------------------------------------ */

static int try_perf(uint32_t type, uint64_t config)
{
	struct perf_event_attr attr = {
	        .type = type,
	        .size = sizeof(attr),
	        .config = config,
	        .freq = 1,
	        .sample_freq = 99,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void examine_perf(void)
{
	int clock = try_perf(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK);
	int cycles = try_perf(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES);

	tell(clock ? BAD : GOOD, "cpu-clock", "%s", clock ? strerror(-clock) : "can be sampled");
	tell(cycles ? NOTE : GOOD, "cycles", "%s",
	     cycles ? "no PMU that we may use: cpu-clock is sampled instead" : "can be sampled");
}

/* A program of ours on a probe site of ours: counts what it must count. */
static int try_uprobe(uint64_t *hits)
{
	const struct object_site site = {.address = selftest__begin_offset()};
	struct latency_bpf *bpf = latency_bpf__open();
	struct uprobe *probe = NULL;
	struct attach_whom ourselves;
	int err;

	if (!bpf)
		return -errno;
	err = attach__whom(&ourselves, getpid());
	if (err)
		goto out;
	attach__aim(bpf, &ourselves);
	uprobe__prepare(bpf->progs.on_begin);
	uprobe__prepare(bpf->progs.on_end);
	err = latency_bpf__load(bpf);
	if (err) {
		tell(BAD, "BPF program", "cannot be loaded: %s", strerror(-err));
		goto out;
	}
	tell(GOOD, "BPF program", "loads, the verifier accepts it");
	probe = uprobe__attach_sites(bpf->progs.on_begin, getpid(), "/proc/self/exe", &site, 1);
	if (!probe) {
		err = -errno;
		goto out;
	}
	for (int i = 0; i < 10; i++)
		selftest__begin(0);
	*hits = bpf->bss->hak_counters.hits;
out:
	uprobe__detach(probe);
	latency_bpf__destroy(bpf);
	return err;
}

static void examine_uprobe(void)
{
	uint64_t hits = 0;
	int err = try_uprobe(&hits);

	if ((err == -EPERM || err == -EACCES) && !privileges__is_admin(privileges__effective()))
		tell(BAD, "self test", "a uprobe on hakprobe itself: %s: CAP_SYS_ADMIN is missing",
		     strerror(-err));
	else if (err)
		tell(BAD, "self test", "a uprobe on hakprobe itself: %s", strerror(-err));
	else
		tell(hits == 10 ? GOOD : BAD, "self test",
		     "a uprobe on hakprobe itself: 10 passes, %llu counted",
		     (unsigned long long)hits);
}

/* --- the target ------------------------------------------------------------------------------ */

static void examine_records(const struct target *target)
{
	struct ledger ledger = {0};
	int err = records__read(&ledger, target->pid, target->process);

	if (err)
		tell(target->object->has_tally ? NOTE : BAD, "records",
		     "its memory may not be read (%s): figures from tallies alone", strerror(-err));
	else
		tell(ledger.process.mode == HAK_MODE_FORCE_LIBC ? BAD : GOOD, "records",
		     "can be read: %zu threads%s", ledger.count,
		     ledger.process.mode == HAK_MODE_FORCE_LIBC
		             ? "; HAKMEM_FORCE_LIBC_ALLOC=1: nothing is counted"
		             : "");
	ledger__clear(&ledger);
}

static void examine_target(pid_t pid)
{
	struct target *target;
	const struct object *object;

	if (target__new(&target, pid)) { /* has told why on stderr */
		tell(BAD, "target", "process %d cannot be watched", pid);
		return;
	}
	object = target->object;
	tell(GOOD, "target", "pid %d: %s", pid, target->command);
	if (target->foreign) {
		tell(NOTE, "library", "no libhakmem; %s emits otel_memory: --flame alloc%s",
		     target->library, object->has_free ? ", live and temporary" : "");
		target__free(target);
		return;
	}
	tell(GOOD, "library", "%s, records of version %u, build-id %s", target->library,
	     object->note.version, *object->build_id ? object->build_id : "none");
	tell(object->has_tally && object->has_alloc && object->has_cold ? GOOD : NOTE,
	     "probe sites", "%zu%s%s%s", object->probes,
	     object->has_tally ? "" : "; without hakmem:tally --no-read is skipped",
	     object->has_alloc ? "" : "; without otel_memory:alloc --flame alloc is skipped",
	     object->has_cold ? "" : "; without hakmem:cold_end --latency is skipped");
	examine_records(target);
	tell(seccomp_mode(pid) ? NOTE : GOOD, "seccomp", "%s",
	     seccomp_mode(pid) ? "the target has a filter; hakprobe asks nothing of it"
	                       : "no filter on the target");
	tell(object->function_count ? GOOD : NOTE, "symbols", "%zu functions of the allocator%s",
	     object->function_count,
	     object->function_count ? "" : ": the library is stripped, zones are coarse");
	tell(GOOD, "unwinder",
	     ".eh_frame in user space; of the program itself, frame pointers are not needed");
	target__free(target);
}

static int examine(const struct options *options)
{
	examine_kernel();
	examine_policy();
	examine_privileges();
	examine_perf();
	examine_uprobe();
	for (size_t i = 0; i < options->pid_count; i++)
		examine_target(options->pids[i]);
	if (!options->pid_count)
		tell(NOTE, "target", "none named: -p PID examines a process too");
	if (faults)
		printf("%d of these keep hakprobe from working\n", faults);
	else
		printf("all that is needed works\n");
	return faults ? 1 : 0;
}

int doctor_main(int argc, char **argv)
{
	struct options options;
	int status;

	argv[0] = (char *)(uintptr_t) "hakprobe";
	options__parse(&options, NULL, argc, argv);
	attach__set_verbose(options.verbose);
	status = examine(&options);
	outputs__clear(&options.outputs);
	return status;
}
