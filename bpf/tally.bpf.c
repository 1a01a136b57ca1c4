// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * hakmem:tally: copies the record of the thread that fires it, whole. At most ten hits a second and
 * thread.
 */
#include "vmlinux.h"
#include "hak.bpf.h"
#include "tally.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u64 hak_process = 0; /* run-time address of the process record; 0 unknown */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} tallies SEC(".maps");

__u64 process_copied_ns = 0;

/* User space reads the records as well, so a tally may be passed over. Set at any time. */
bool hak_reads = false;

/*
 * The ceiling for a process of very many threads, or of short-lived ones (each fires at its exit):
 * copies per window.
 */
enum { WINDOW_NS = 100000000, WINDOW_COPIES = 100 };
__u64 window_ns = 0;
__u64 window_copies = 0;

enum { WORDS = sizeof(struct hak_class_record) / 8 };

static __always_inline bool is_within_ceiling(__u64 now)
{
	if (!hak_reads)
		return true;
	if (now - window_ns >= WINDOW_NS) {
		window_ns = now;
		window_copies = 0;
	}
	return __sync_fetch_and_add(&window_copies, 1) < WINDOW_COPIES;
}

/*
 * Copies class records one by one, and a record that lies across a page boundary word by word. A
 * page that was never written to is not there for a BPF program, but it would read as zeros:
 * bpf_probe_ read_user() leaves zeros where it fails.
 */
static __always_inline void copy_classes(struct hak_class_record *to, __u64 from)
{
	for (int i = 0; i < HAK_CLASS_COUNT; i++) {
		__u64 at = from + (__u64)i * sizeof(*to);

		if (!bpf_probe_read_user(&to[i], sizeof(*to), (void *)at))
			continue;
		for (int j = 0; j < WORDS; j++)
			bpf_probe_read_user((__u64 *)&to[i] + j, 8, (void *)(at + 8 * j));
	}
}

static __always_inline int copy_record(struct hak_thread_record *to, __u64 from)
{
	int err;

	if (!bpf_probe_read_user(to, sizeof(*to), (void *)from))
		return 0;
	err = bpf_probe_read_user(to, __builtin_offsetof(struct hak_thread_record, classes),
	                          (void *)from);
	if (err)
		return err;
	copy_classes(to->classes, from + __builtin_offsetof(struct hak_thread_record, classes));
	return 0;
}

static __always_inline void send_thread(const struct bpf_pidns_info *id, __u64 now, __u64 record)
{
	struct hak_thread_event *event = bpf_ringbuf_reserve(&tallies, sizeof(*event), 0);

	if (!event) {
		/* A thousand threads that end while user space does not get to run: it reads what
		 * they leave in the process record. */
		if (!hak_reads)
			hak_count_lost();
		return;
	}
	event->kind = HAK_TALLY_THREAD;
	event->tally.pid = id->tgid;
	event->tally.tid = id->pid;
	event->tally.time_ns = now;
	if (copy_record(&event->tally.record, record)) {
		bpf_ringbuf_discard(event, 0);
		hak_count_lost();
		return;
	}
	event->slots_valid = event->tally.record.slots &&
	                     !bpf_probe_read_user(event->slots, sizeof(event->slots),
	                                          (void *)event->tally.record.slots);
	bpf_ringbuf_submit(event, 0);
}

/* The process record; dropped when its owner was changing it, the next one will do. */
static __always_inline void send_process(const struct bpf_pidns_info *id, __u64 now)
{
	const __u32 head = __builtin_offsetof(struct hak_process_record, exited);
	const void *seq_at =
	        (void *)hak_process + __builtin_offsetof(struct hak_process_record, seq);
	struct hak_process_event *event;
	__u64 before = 0, after = 0;

	if (!hak_process || now - process_copied_ns < HAK_PROCESS_EVERY_NS)
		return;
	process_copied_ns = now;
	event = hak_reserve(&tallies, sizeof(*event));
	if (!event)
		return;
	event->kind = HAK_TALLY_PROCESS;
	event->pid = id->tgid;
	event->time_ns = now;
	/* seq on its own, before and behind: within one copy the order of loads is not defined. */
	if (bpf_probe_read_user(&before, sizeof(before), seq_at) ||
	    bpf_probe_read_user(&event->process, head, (void *)hak_process) ||
	    copy_record(&event->process.exited, hak_process + head) ||
	    bpf_probe_read_user(&after, sizeof(after), seq_at) || before != after || (before & 1)) {
		bpf_ringbuf_discard(event, 0);
		return;
	}
	bpf_ringbuf_submit(event, 0);
}

/* The probe's arguments stand in rdi and rsi (docs/probes.md), so a plain uprobe will do. */
SEC("uprobe")
int on_tally(struct pt_regs *ctx)
{
	__u64 start = bpf_ktime_get_ns();
	struct bpf_pidns_info id = {};

	if (!hak_is_target(&id))
		return 0;
	if (ctx->si != sizeof(struct hak_thread_record))
		hak_count_lost();
	else if (is_within_ceiling(start))
		send_thread(&id, start, ctx->di);
	if (!hak_reads)
		send_process(&id, start);
	hak_count_hit(start);
	return 0;
}
