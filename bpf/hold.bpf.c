// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * hakmem:thread_start of a program that `hakprobe -c` has started: stops it at its first malloc,
 * once, until everything else is attached.
 */
#include "vmlinux.h"
#include "hak.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum { STOP = 19 }; /* SIGSTOP */

bool hak_held = false;

SEC("uprobe")
int on_first(struct pt_regs *ctx)
{
	struct bpf_pidns_info id = {};

	if (hak_held || !hak_is_target(&id))
		return 0;
	hak_held = true;
	bpf_send_signal(STOP);
	return 0;
}
