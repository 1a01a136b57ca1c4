/* SPDX-License-Identifier: MIT */
#include "tools/attach/tally.h"

#include <bpf/libbpf.h>
#include <errno.h>

#include "tally.skel.h"
#include "tools/attach/attach.h"
#include "tools/attach/uprobe.h"

struct attach_tally {
	struct attach base;
	struct ledger *ledger;
	struct tally_bpf *bpf;
	struct uprobe *probe;
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

/* --- life ------------------------------------------------------------------------------------- */

static struct bpf_object_skeleton *open_program(struct attach *base, const struct attach_whom *whom)
{
	struct attach_tally *attach = (struct attach_tally *)base;

	attach->bpf = tally_bpf__open();
	if (!attach->bpf)
		return NULL;
	attach__aim(attach->bpf, whom);
	attach->bpf->rodata->hak_process = base->target->process;
	uprobe__prepare(attach->bpf->progs.on_tally);
	return attach->bpf->skeleton;
}

static int attach_probes(struct attach *base)
{
	struct attach_tally *attach = (struct attach_tally *)base;
	const struct target *target = base->target;
	int err = attach__make_ring(base, attach->bpf->maps.tallies, on_event);

	if (err)
		return err;
	attach->probe = uprobe__attach(attach->bpf->progs.on_tally, target->pid, target->path,
	                               target->object, "hakmem", "tally");
	return attach->probe ? 0 : attach__failed_uprobe("attach to hakmem:tally", -errno);
}

static void detach(struct attach *base)
{
	uprobe__detach(((struct attach_tally *)base)->probe);
}

static void destroy(struct attach *base)
{
	tally_bpf__destroy(((struct attach_tally *)base)->bpf);
}

static const struct attach_kind kind = {
        "tally", "tallies'", open_program, attach_probes, detach, destroy,
};

struct attach_tally *attach_tally__new(struct attachments *all, const struct target *target,
                                       struct ledger *ledger)
{
	struct attach_tally *attach = attach__new(all, &kind, sizeof(*attach), target);

	if (attach)
		attach->ledger = ledger;
	return attach;
}

void attach_tally__set_reads(struct attach_tally *attach, bool reads)
{
	attach->bpf->bss->hak_reads = reads;
}

struct hak_counters attach_tally__counters(const struct attach_tally *attach)
{
	return attach ? attach->bpf->bss->hak_counters : (struct hak_counters){0};
}
