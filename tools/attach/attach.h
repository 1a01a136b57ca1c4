/* SPDX-License-Identifier: MIT */
/* What all attachments share: the filter's namespace, libbpf's log, and words for failures. */
#ifndef HAK_ATTACH_H
#define HAK_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

/* Routes libbpf's own log to stderr (`verbose`) or nowhere. */
void attach__set_verbose(bool verbose);

/* The pid namespace in which our pids mean something: 0 or -errno. */
int attach__namespace(uint64_t *device, uint64_t *inode);

/*
 * Whether this process may load BPF programs and attach them, and the kernel can. 0, or says on
 * stderr precisely what is missing and returns -errno.
 */
int attach__check(void);

/* The same for attaching a uprobe, which newer kernels allow to CAP_SYS_ADMIN alone. */
int attach__failed_uprobe(const char *step, int err);

/* Says that `step` failed with `err` (negative) and what that means. Returns err. */
int attach__failed(const char *step, int err);

#endif
