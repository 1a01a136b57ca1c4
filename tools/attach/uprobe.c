/* SPDX-License-Identifier: MIT */
#include "tools/attach/uprobe.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Newer than the headers that we build with (include/uapi/linux/bpf.h). */
enum { TRACE_UPROBE_MULTI = 48 };

/* What bpf(BPF_LINK_CREATE) reads of its attributes for such a link. */
struct multi_attributes {
	uint32_t program;
	uint32_t target; /* unused */
	uint32_t attach_type;
	uint32_t flags;
	uint64_t path;
	uint64_t offsets;
	uint64_t semaphores;
	uint64_t cookies;
	uint32_t count;
	uint32_t multi_flags;
	uint32_t pid;
	uint32_t reserved;
};

struct uprobe {
	int multi;                            /* the link; -1: perf events */
	struct bpf_link *links[OBJECT_SITES]; /* of perf events */
	size_t link_count;
};

bool uprobe__release_has_multi(const char *release)
{
	unsigned major = 0, minor = 0;

	return sscanf(release, "%u.%u", &major, &minor) == 2 && major * 1000 + minor >= 6010;
}

bool uprobe__has_multi(void)
{
	struct utsname name;

	return !uname(&name) && uprobe__release_has_multi(name.release);
}

void uprobe__prepare(struct bpf_program *program)
{
	if (uprobe__has_multi())
		bpf_program__set_expected_attach_type(program,
		                                      (enum bpf_attach_type)TRACE_UPROBE_MULTI);
}

static int attach_multi(struct uprobe *uprobe, const struct bpf_program *program, pid_t pid,
                        const char *path, const struct object_site *sites, size_t count)
{
	uint64_t offsets[OBJECT_SITES], semaphores[OBJECT_SITES];
	struct multi_attributes attributes = {
	        .program = (uint32_t)bpf_program__fd(program),
	        .attach_type = TRACE_UPROBE_MULTI,
	        .path = (uint64_t)(uintptr_t)path,
	        .offsets = (uint64_t)(uintptr_t)offsets,
	        .semaphores = (uint64_t)(uintptr_t)semaphores,
	        .count = (uint32_t)count,
	        .pid = (uint32_t)pid,
	};

	for (size_t i = 0; i < count; i++) {
		offsets[i] = sites[i].address;
		semaphores[i] = sites[i].semaphore;
	}
	uprobe->multi = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes));
	return uprobe->multi < 0 ? -errno : 0;
}

static int attach_perf(struct uprobe *uprobe, const struct bpf_program *program, pid_t pid,
                       const char *path, const struct object_site *sites, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct bpf_uprobe_opts options = {
		        .sz = sizeof(options),
		        .ref_ctr_offset = sites[i].semaphore,
		};

		uprobe->links[i] = bpf_program__attach_uprobe_opts(program, pid, path,
		                                                   sites[i].address, &options);
		if (!uprobe->links[i])
			return -errno;
		uprobe->link_count++;
	}
	return 0;
}

struct uprobe *uprobe__attach_sites(const struct bpf_program *program, pid_t pid, const char *path,
                                    const struct object_site *sites, size_t count)
{
	struct uprobe *uprobe;
	int err;

	if (!count || count > OBJECT_SITES) {
		errno = count ? E2BIG : ENOENT;
		return NULL;
	}
	uprobe = calloc(1, sizeof(*uprobe));
	if (!uprobe)
		return NULL;
	uprobe->multi = -1;
	if (bpf_program__expected_attach_type(program) == (enum bpf_attach_type)TRACE_UPROBE_MULTI)
		err = attach_multi(uprobe, program, pid, path, sites, count);
	else
		err = attach_perf(uprobe, program, pid, path, sites, count);
	if (!err)
		return uprobe;
	uprobe__detach(uprobe);
	errno = -err;
	return NULL;
}

struct uprobe *uprobe__attach(const struct bpf_program *program, pid_t pid, const char *path,
                              const struct object *object, const char *provider, const char *name)
{
	struct object_site sites[OBJECT_SITES];
	size_t count = 0;

	for (size_t i = 0; i < object->site_count; i++) {
		if (!strcmp(object->sites[i].provider, provider) &&
		    !strcmp(object->sites[i].name, name))
			sites[count++] = object->sites[i];
	}
	return uprobe__attach_sites(program, pid, path, sites, count);
}

void uprobe__detach(struct uprobe *uprobe)
{
	if (!uprobe)
		return;
	if (uprobe->multi >= 0)
		close(uprobe->multi);
	for (size_t i = 0; i < uprobe->link_count; i++)
		bpf_link__destroy(uprobe->links[i]);
	free(uprobe);
}
