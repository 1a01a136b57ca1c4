/* SPDX-License-Identifier: MIT */
#include "tools/attach/tally.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "tally.skel.h"
#include "tools/attach/attach.h"
#include "tools/attach/uprobe.h"

struct attach_tally {
	const struct target *target;
	struct ledger *ledger;
	struct tally_bpf *bpf;
	struct uprobe *probe;
	struct ring_buffer *ring;
};

static int on_event(void *context, void *data, size_t size)
{
	struct attach_tally *attach = context;
	const hak_u32 *kind = data;

	if (*kind == HAK_TALLY_THREAD && size >= sizeof(struct hak_thread_event))
		return ledger__on_thread(attach->ledger, data);
	if (*kind == HAK_TALLY_PROCESS && size >= sizeof(struct hak_process_event))
		ledger__on_process(attach->ledger, data);
	return 0;
}

struct attach_tally *attach_tally__new(const struct target *target, struct ledger *ledger)
{
	struct attach_tally *attach = calloc(1, sizeof(*attach));

	if (!attach)
		return NULL;
	attach->target = target;
	attach->ledger = ledger;
	return attach;
}

int attach_tally__prepare(struct attach_tally *attach)
{
	uint64_t device, inode;
	int err;

	attach->bpf = tally_bpf__open();
	if (!attach->bpf)
		return attach__failed("open the tally program", -errno);
	err = attach__namespace(&device, &inode);
	if (err)
		return attach__failed("find the pid namespace", err);
	attach->bpf->rodata->hak_pid = (hak_u32)attach->target->pid;
	attach->bpf->rodata->hak_ns_dev = device;
	attach->bpf->rodata->hak_ns_ino = inode;
	attach->bpf->rodata->hak_process = attach->target->process;
	uprobe__prepare(attach->bpf->progs.on_tally);
	return 0;
}

int attach_tally__load(struct attach_tally *attach)
{
	int err = tally_bpf__load(attach->bpf);

	return err ? attach__failed("load the tally program", err) : 0;
}

int attach_tally__attach(struct attach_tally *attach)
{
	attach->ring =
	        ring_buffer__new(bpf_map__fd(attach->bpf->maps.tallies), on_event, attach, NULL);
	if (!attach->ring)
		return attach__failed("map the tallies' ring buffer", -errno);
	attach->probe =
	        uprobe__attach(attach->bpf->progs.on_tally, attach->target->pid,
	                       attach->target->path, attach->target->object, "hakmem", "tally");
	return attach->probe ? 0 : attach__failed_uprobe("attach to hakmem:tally", -errno);
}

void attach_tally__free(struct attach_tally *attach)
{
	if (!attach)
		return;
	uprobe__detach(attach->probe);
	ring_buffer__free(attach->ring);
	tally_bpf__destroy(attach->bpf);
	free(attach);
}

void attach_tally__set_reads(struct attach_tally *attach, bool reads)
{
	attach->bpf->bss->hak_reads = reads;
}

int attach_tally__fd(const struct attach_tally *attach)
{
	return ring_buffer__epoll_fd(attach->ring);
}

int attach_tally__consume(struct attach_tally *attach)
{
	int err = ring_buffer__consume(attach->ring);

	return err < 0 ? err : 0;
}

struct hak_counters attach_tally__counters(const struct attach_tally *attach)
{
	return attach ? attach->bpf->bss->hak_counters : (struct hak_counters){0};
}
