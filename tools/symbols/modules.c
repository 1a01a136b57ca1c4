/* SPDX-License-Identifier: MIT */
#include "tools/symbols/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/clock.h"
#include "tools/target/maps.h"

#define VDSO "[vdso]"

enum {
	REFRESH_MISSED_MS = 10,  /* least time between two looks, when an address is unknown */
	REFRESH_IDLE_MS = 2000,  /* and when all is well: finds code replaced in place */
	REFRESH_COST_SHARE = 50, /* and in any case this multiple of what a look costs */
};

struct modules {
	pid_t pid;
	struct intern *names;
	Dwfl *dwfl;
	int exe_fd; /* of the executable, which tells libdwfl the architecture */
	Elf *exe;
	struct maps maps;
	struct module *list;
	uint64_t looked_ns; /* when the last look was */
	uint64_t missed_ns; /* and the last one that an unknown address has asked for */
	uint64_t cost_ns;   /* what a look takes */
};

/* --- libdwfl's callbacks ---------------------------------------------------------------------- */

/* A mapping may be of a device, where opening alone can have effects. */
static int open_regular(const char *path)
{
	struct stat status;
	if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int find_elf(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
                    char **file_name, Elf **elf)
{
	(void)name;
	struct module *module = *userdata;
	pid_t pid = module->owner->pid;
	const struct mapping *mapping = maps__find(&module->owner->maps, base);
	char path[4200];
	if (mapping && mapping->inode) {
		mapping__path(mapping, pid, path, sizeof(path));
		int fd = open_regular(path);
		if (fd >= 0) {
			/* The debuglink is looked for next to the file's own name. */
			*file_name = strdup(module->path);
			return fd;
		}
	}
	/* These forms make libdwfl take the image from the process' memory. */
	if (!strcmp(module->path, VDSO))
		snprintf(path, sizeof(path), "[vdso: %d]", (int)pid);
	else
		snprintf(path, sizeof(path), "%s (deleted)", module->path);
	return dwfl_linux_proc_find_elf(mod, userdata, path, base, file_name, elf);
}

/* DIRECTORY/.build-id/xx/yyyy.debug, as the process sees the directory. */
static int open_by_build_id(Dwfl_Module *mod, pid_t pid, char **found)
{
	const unsigned char *id = NULL;
	GElf_Addr where;
	int length = dwfl_module_build_id(mod, &id, &where);
	char path[256];
	if (length < 2 || length > 64)
		return -1;
	int used = snprintf(path, sizeof(path), "/proc/%d/root/usr/lib/debug/.build-id/%02x/",
	                    (int)pid, id[0]);
	for (int i = 1; i < length; i++)
		used += snprintf(path + used, sizeof(path) - (size_t)used, "%02x", id[i]);
	snprintf(path + used, sizeof(path) - (size_t)used, ".debug");
	int fd = open_regular(path);
	if (fd >= 0)
		*found = strdup(path);
	return fd;
}

/* Here, and in the container that the process is in. libdwfl compares build-id or checksum. */
static int find_debuginfo(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
                          const char *file_name, const char *debuglink, GElf_Word crc, char **found)
{
	struct module *module = *userdata;
	pid_t pid = module->owner->pid;
	char path[4300];
	int fd = dwfl_standard_find_debuginfo(mod, userdata, name, base, file_name, debuglink, crc,
	                                      found);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/%d/root%s", (int)pid, module->path);
	fd = dwfl_standard_find_debuginfo(mod, userdata, name, base, path, debuglink, crc, found);
	return fd >= 0 ? fd : open_by_build_id(mod, pid, found);
}

static char *debuginfo_path; /* NULL: libdwfl's default, .debug and /usr/lib/debug */

static const Dwfl_Callbacks callbacks = {
        .find_elf = find_elf,
        .find_debuginfo = find_debuginfo,
        .debuginfo_path = &debuginfo_path,
};

/* --- the list of modules ---------------------------------------------------------------------- */

static void module_free(struct module *module)
{
	symbols__free(module->symbols);
	free(module);
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
		module_free(module);
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
		module->path = intern__string(m->names, first->path);
		const char *slash = strrchr(first->path, '/');
		module->base_name = intern__string(m->names, slash ? slash + 1 : first->path);
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
	int err = 0;
	dwfl_report_begin(m->dwfl);
	for (size_t i = 0; i < maps->count && !err;) {
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
		if (code)
			err = report(m, first, last);
	}
	/* Modules that an error left unreported are dropped here and found at the next refresh. */
	if (dwfl_report_end(m->dwfl, on_removed, NULL) != 0 && !err)
		err = -ENOMEM;
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
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)m->pid);
	m->exe_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (m->exe_fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
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
	/* Only what is on this machine: a debuginfod server that
	 * is slow would stall the sampling. */
	unsetenv("DEBUGINFOD_URLS");
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
	for (struct module *module = m->list, *next; module; module = next) {
		next = module->next;
		module_free(module);
	}
	if (m->dwfl)
		dwfl_end(m->dwfl);
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
		module->symbols = symbols__new(module->dwfl, module->owner->names);
	return module->symbols;
}
