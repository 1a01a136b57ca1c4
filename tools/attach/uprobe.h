/* SPDX-License-Identifier: MIT */
/*
 * BPF programs on probe sites of one process. The kernel has two ways: a link of its own
 * (uprobe_multi, cheaper in each respect and allowed to CAP_BPF and CAP_PERFMON), and before Linux
 * 6.10, where such a link saw one thread of the process only, a perf event per site.
 */
#ifndef HAK_UPROBE_H
#define HAK_UPROBE_H

#include <stdbool.h>
#include <sys/types.h>

#include "tools/target/object.h"

struct bpf_program;
struct uprobe;

/* Whether a kernel of this release is attached to by uprobe_multi. */
bool uprobe__release_has_multi(const char *release);

/* Whether this one is. */
bool uprobe__has_multi(void);

/* Between open and load: says how the program will be attached. */
void uprobe__prepare(struct bpf_program *program);

/*
 * Attaches to `count` sites in the file `path`, in process `pid` alone, and raises their
 * semaphores. NULL and errno on failure.
 */
struct uprobe *uprobe__attach_sites(const struct bpf_program *program, pid_t pid, const char *path,
                                    const struct object_site *sites, size_t count);

/* To every site of a probe of `object`, whose file is `path`; ENOENT when it has none. */
struct uprobe *uprobe__attach(const struct bpf_program *program, pid_t pid, const char *path,
                              const struct object *object, const char *provider, const char *name);

/* Accepts NULL. The probe is gone at once; the call may take 100 ms. */
void uprobe__detach(struct uprobe *uprobe);

#endif
