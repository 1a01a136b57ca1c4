/* SPDX-License-Identifier: MIT */
#include "tools/symbols/modules.h"

#include <errno.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/clock.h"
#include "tools/base/say.h"
#include "tools/symbols/debug_file.h"
#include "tools/target/foreign.h"
#include "tools/target/image.h"
#include "tools/target/maps.h"
#include "tools/target/memory_image.h"

#define VDSO "[vdso]"

enum {
	REFRESH_MISSED_MS = 10,       /* least time between two looks, when an address is unknown */
	REFRESH_IDLE_MS = 2000,       /* and when all is well: finds code replaced in place */
	REFRESH_COST_SHARE = 50,      /* and in any case this multiple of what a look costs */
	COPIES_MAX = IMAGE_BYTES_MAX, /* bytes of copies of one process's files */
};

struct modules {
	pid_t pid;
	struct intern *names;
	Dwfl *dwfl;
	int exe_fd; /* a copy of the executable's headers, which tell libdwfl the architecture */
	Elf *exe;
	struct maps maps;
	struct module *list;
	struct module *gone; /* removed; libdwfl may look at them once more */
	size_t copied;       /* bytes of copies, and of what came to nothing */
	uint64_t looked_ns;  /* when the last look was */
	uint64_t missed_ns;  /* and the last one that an unknown address has asked for */
	uint64_t cost_ns;    /* what a look takes */
};

/* --- libdwfl's callbacks: all that it looks at comes from here, as copies --------------------- */

/* A copy of the open file `fd`, which is closed, for libdwfl; or -errno, as `fd` may be itself. */
static int take_copy(struct module *module, int fd)
{
	struct modules *m = module->owner;
	size_t bytes = 0;
	int copy;

	if (fd < 0)
		return fd;
	copy = image__copy(fd, IMAGE_ALL, COPIES_MAX - m->copied, &bytes);
	close(fd);
	m->copied += bytes;
	module->copied += copy < 0 ? 0 : bytes;
	return copy;
}

static void say_refused(struct module *module, const char *what, int err)
{
	if (err == -ENOENT || err == -ESRCH || module->is_said)
		return;
	module->is_said = true;
	say("process %d: %s%s: functions of it may have no names: %s", module->owner->pid, what,
	    module->path,
	    err == -EINVAL    ? "it is no regular file"
	    : err == -EFBIG   ? "it is too large, with what else of the process was read"
	    : err == -EIO     ? "it is shorter than it says, or changes"
	    : err == -ENOEXEC ? "it is no ELF file of 64 bits, or a broken one"
	                      : strerror(-err));
}

/* Where the file cannot be opened, its headers and tables are in the process's memory, as the
 * loader has mapped them. */
static Elf *from_memory(struct module *module)
{
	const struct modules *m = module->owner;
	Elf *elf;

	module->image = memory_image__read(m->pid, &m->maps, module->start, module->end,
	                                   &module->image_bytes);
	if (!module->image)
		return NULL;
	elf = elf_memory(module->image, module->image_bytes);
	if (elf && elf_kind(elf) == ELF_K_ELF)
		return elf;
	elf_end(elf);
	return NULL;
}

static int find_elf(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
                    char **file_name, Elf **elf)
{
	(void)mod, (void)name;
	struct module *module = *userdata;
	const struct mapping *mapping = maps__find(&module->owner->maps, base);
	int fd = -ENOENT;
	if (mapping && mapping->inode)
		fd = take_copy(module, mapping__open(mapping, module->owner->pid));
	if (fd < 0) {
		*elf = from_memory(module);
		say_refused(module, "", fd);
	}
	if (fd >= 0 || *elf)
		*file_name = strdup(module->path);
	return fd < 0 ? -1 : fd;
}

static int find_debuginfo(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
                          const char *file_name, const char *debuglink, GElf_Word crc, char **found)
{
	(void)name, (void)base, (void)file_name;
	struct module *module = *userdata;
	const struct mapping *mapping = maps__find(&module->owner->maps, module->start);
	int fd = debug_file__open(mod, module->owner->pid, mapping ? mapping->path : module->path,
	                          debuglink, crc);
	fd = take_copy(module, fd);
	if (fd < 0)
		say_refused(module, "the debug file of ", fd);
	else
		*found = strdup(module->path);
	return fd < 0 ? -1 : fd;
}

static const Dwfl_Callbacks callbacks = {
        .find_elf = find_elf,
        .find_debuginfo = find_debuginfo,
};

/* --- the list of modules ---------------------------------------------------------------------- */

static void module_free(struct module *module)
{
	module->owner->copied -= module->copied;
	symbols__free(module->symbols);
	free(module->image);
	free(module);
}

static void free_list(struct module **list)
{
	for (struct module *module = *list, *next; module; module = next) {
		next = module->next;
		module_free(module);
	}
	*list = NULL;
}

static void unlist(struct module *module)
{
	struct module **at = &module->owner->list;
	while (*at != module)
		at = &(*at)->next;
	*at = module->next;
}

static int on_removed(Dwfl_Module *mod, void *userdata, const char *name, Dwarf_Addr base,
                      void *arg)
{
	(void)mod, (void)name, (void)base, (void)arg;
	struct module *module = *(void **)userdata;
	if (module) {
		unlist(module);
		module->next = module->owner->gone;
		module->owner->gone = module;
	}
	return DWARF_CB_OK;
}

/* libdwfl knows a module again by its name and extent; device and inode in the name tell a file
 * from the one that has replaced it. */
static int report(struct modules *m, const struct mapping *first, const struct mapping *last)
{
	char name[4300];
	snprintf(name, sizeof(name), "%jx:%" PRIu64 ":%s", (uintmax_t)first->device, first->inode,
	         first->path);
	Dwfl_Module *mod = dwfl_report_module(m->dwfl, name, first->start, last->end);
	void **userdata = NULL;
	if (!mod || !dwfl_module_info(mod, &userdata, NULL, NULL, NULL, NULL, NULL, NULL))
		return -ENOMEM;
	struct module *module = *userdata;
	if (!module) {
		module = calloc(1, sizeof(*module));
		if (!module)
			return -ENOMEM;
		*module = (struct module){.owner = m, .dwfl = mod, .next = m->list};
		module->path = intern__name(m->names, first->path, SIZE_MAX);
		const char *slash = strrchr(first->path, '/');
		module->base_name =
		        intern__name(m->names, slash ? slash + 1 : first->path, SIZE_MAX);
		if (!module->path || !module->base_name) {
			free(module);
			return -ENOMEM;
		}
		m->list = module;
		*userdata = module;
	}
	module->start = first->start;
	module->end = last->end;
	return 0;
}

static bool same_file(const struct mapping *a, const struct mapping *b)
{
	return a->inode == b->inode && a->device == b->device;
}

static bool has_file(const struct mapping *m)
{
	return m->inode != 0 && m->path[0] == '/';
}

/* A file's mappings follow each other, with anonymous memory (.bss) between or behind them. */
static int report_all(struct modules *m, const struct maps *maps)
{
	size_t reported = 0;
	int err = 0;
	dwfl_report_begin(m->dwfl);
	for (size_t i = 0; i < maps->count && !err && reported < MAPS_CODE_MAX;) {
		const struct mapping *first = &maps->list[i++], *last = first;
		bool code = first->executable;
		if (!strcmp(first->path, VDSO)) {
			err = report(m, first, last);
			continue;
		}
		if (!has_file(first))
			continue;
		for (; i < maps->count; i++) {
			const struct mapping *next = &maps->list[i];
			if (!strcmp(next->path, VDSO))
				break;
			if (!has_file(next))
				continue;
			if (!same_file(first, next))
				break;
			last = next;
			code |= next->executable;
		}
		reported += code;
		if (code)
			err = report(m, first, last);
	}
	/* Modules that an error left unreported are dropped here and found at the next refresh. */
	if (dwfl_report_end(m->dwfl, on_removed, NULL) != 0 && !err)
		err = -ENOMEM;
	free_list(&m->gone);
	return err;
}

static const struct mapping *next_code(const struct maps *maps, size_t *at)
{
	while (*at < maps->count) {
		const struct mapping *m = &maps->list[(*at)++];
		if (m->executable)
			return m;
	}
	return NULL;
}

/* Data and heap come and go all the time; only executable mappings matter. */
static bool same_code(const struct maps *a, const struct maps *b)
{
	size_t i = 0, j = 0;
	for (;;) {
		const struct mapping *m = next_code(a, &i), *n = next_code(b, &j);
		if (!m || !n)
			return m == n;
		if (m->start != n->start || m->end != n->end || m->offset != n->offset ||
		    !same_file(m, n) || strcmp(m->path, n->path) != 0)
			return false;
	}
}

/* `*changed`: code has come or gone. */
static int look(struct modules *m, bool *changed)
{
	struct maps maps;
	uint64_t begin = clock__mono_ns();
	*changed = false;
	int err = maps__read(&maps, m->pid);
	if (!err && maps.count == 0)
		err = -ESRCH; /* it has exited and is not yet waited for */
	if (!err && !same_code(&maps, &m->maps)) {
		*changed = true;
		err = report_all(m, &maps);
	}
	if (!err) { /* the fresh one also where nothing has changed: find_elf looks into it */
		struct maps old = m->maps;
		m->maps = maps;
		maps = old;
	}
	maps__clear(&maps);
	m->looked_ns = clock__mono_ns();
	m->cost_ns = m->looked_ns - begin;
	return err;
}

bool modules__refresh(struct modules *m, bool missed)
{
	uint64_t gap = (missed ? REFRESH_MISSED_MS : REFRESH_IDLE_MS) * 1000000ull;
	uint64_t now = clock__mono_ns(), *last = missed ? &m->missed_ns : &m->looked_ns;
	if (gap < m->cost_ns * REFRESH_COST_SHARE)
		gap = m->cost_ns * REFRESH_COST_SHARE;
	if (now - *last < gap)
		return false;
	*last = now;
	bool changed;
	(void)look(m, &changed); /* on an error the old modules stay, or a later look finds them */
	return changed;
}

/* --- life ------------------------------------------------------------------------------------- */

static int open_executable(struct modules *m)
{
	char path[32];
	size_t bytes;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)m->pid);
	int fd = foreign__open_kept(path);
	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	m->exe_fd = image__copy(fd, IMAGE_NOTES, IMAGE_BYTES_MAX, &bytes);
	close(fd);
	if (m->exe_fd < 0)
		return m->exe_fd;
	m->exe = elf_begin(m->exe_fd, ELF_C_READ_MMAP, NULL);
	GElf_Ehdr header;
	if (!m->exe || !gelf_getehdr(m->exe, &header) || header.e_machine != EM_X86_64)
		return -ENOEXEC;
	return 0;
}

struct modules *modules__new(pid_t pid, struct intern *names)
{
	struct modules *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	*m = (struct modules){.pid = pid, .names = names, .exe_fd = -1};
	elf_version(EV_CURRENT);
	bool changed;
	int err = open_executable(m);
	if (err)
		goto fail;
	m->dwfl = dwfl_begin(&callbacks);
	err = m->dwfl ? look(m, &changed) : -ENOMEM;
	if (err)
		goto fail;
	return m;
fail:
	modules__free(m);
	errno = -err;
	return NULL;
}

void modules__free(struct modules *m)
{
	if (!m)
		return;
	if (m->dwfl)
		dwfl_end(m->dwfl);
	free_list(&m->list);
	free_list(&m->gone);
	elf_end(m->exe);
	if (m->exe_fd >= 0)
		close(m->exe_fd);
	maps__clear(&m->maps);
	free(m);
}

Dwfl *modules__dwfl(struct modules *m)
{
	return m->dwfl;
}

Elf *modules__elf(struct modules *m)
{
	return m->exe;
}

/* --- questions -------------------------------------------------------------------------------- */

struct module *modules__first(struct modules *m)
{
	return m->list;
}

struct module *modules__find(struct modules *m, uint64_t address)
{
	Dwfl_Module *mod = dwfl_addrmodule(m->dwfl, address);
	void **userdata = NULL;
	if (!mod || !dwfl_module_info(mod, &userdata, NULL, NULL, NULL, NULL, NULL, NULL))
		return NULL;
	struct module *module = *userdata;
	return module && address < module->end ? module : NULL;
}

bool modules__is_code(struct modules *m, uint64_t address)
{
	const struct mapping *mapping = maps__find(&m->maps, address);
	return mapping && mapping->executable;
}

struct symbols *module__symbols(struct module *module)
{
	if (!module->symbols)
		module->symbols =
		        symbols__new(module->dwfl, module->owner->names, module->owner->pid);
	return module->symbols;
}
