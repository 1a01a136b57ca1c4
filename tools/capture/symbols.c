/* SPDX-License-Identifier: MIT */
#include "tools/capture/symbols.h"

#include <elfutils/libdwfl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/intern.h"
#include "tools/symbols/debug_file.h"
#include "tools/target/foreign.h"
#include "tools/target/image.h"
#include "tools/target/object.h"

#define DEBUG_DIRECTORY "/usr/lib/debug"

/* One for each module of the capture. */
struct found {
	struct symbols *symbols; /* NULL: there is no file for it here */
	bool looked;
};

struct capture_symbols {
	const struct capture *capture;
	const char *directory;
	struct intern *names;
	Dwfl *dwfl;
	struct found *found;
};

/* Every module comes with its file. */
static int find_elf(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
                    char **file_name, Elf **elf)
{
	(void)mod, (void)userdata, (void)name, (void)base, (void)file_name, (void)elf;
	return -1;
}

/* A copy of the open file `fd`, which is closed; or -1. */
static int take_copy(int fd)
{
	size_t bytes;
	int copy;

	if (fd < 0)
		return -1;
	copy = image__copy(fd, IMAGE_ALL, IMAGE_BYTES_MAX, &bytes);
	close(fd);
	return copy < 0 ? -1 : copy;
}

static int find_debuginfo(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
                          const char *file_name, const char *debuglink, GElf_Word crc, char **found)
{
	int fd;

	(void)userdata, (void)name, (void)base;
	fd = take_copy(debug_file__open(mod, 0, file_name, debuglink, crc));
	if (fd >= 0)
		*found = strdup(file_name);
	return fd;
}

static const Dwfl_Callbacks callbacks = {
        .find_elf = find_elf,
        .find_debuginfo = find_debuginfo,
        .section_address = dwfl_offline_section_address,
};

struct capture_symbols *capture_symbols__new(const struct capture *capture, const char *directory)
{
	struct capture_symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->capture = capture;
	s->directory = directory;
	s->names = intern__new();
	s->dwfl = dwfl_begin(&callbacks);
	s->found = calloc(capture->end.modules + 1, sizeof(*s->found));
	if (!s->names || !s->dwfl || !s->found) {
		capture_symbols__free(s);
		return NULL;
	}
	return s;
}

void capture_symbols__free(struct capture_symbols *s)
{
	if (!s)
		return;
	for (uint64_t i = 0; s->found && i < s->capture->end.modules; i++)
		symbols__free(s->found[i].symbols);
	if (s->dwfl)
		dwfl_end(s->dwfl);
	intern__free(s->names);
	free(s->found);
	free(s);
}

bool capture_symbols__is_nameless(const char *name)
{
	const char *offset = strrchr(name, '+');

	if (!strcmp(name, "[unknown]"))
		return true;
	return offset && !strncmp(offset, "+0x", 3) && offset[3] &&
	       strspn(offset + 3, "0123456789abcdef") == strlen(offset + 3);
}

/* Opens `path` when it has that build-id; or -1. */
static int open_checked(const char *path, const char *build_id)
{
	int fd = foreign__open(0, path, FOREIGN_LINKS);
	struct object *object = NULL;
	bool same;

	if (fd < 0)
		return -1;
	same = !object__read(&object, fd) && !strcmp(object->build_id, build_id);
	object__free(object);
	if (same)
		return fd;
	close(fd);
	return -1;
}

/* DIRECTORY/.build-id/xx/yyyy.debug */
static int open_below(const char *directory, const char *build_id, char *path, size_t size)
{
	snprintf(path, size, "%s/.build-id/%.2s/%s.debug", directory, build_id, build_id + 2);
	return open_checked(path, build_id);
}

static int open_file(const struct capture_symbols *s, const struct capture_module *module,
                     char *path, size_t size)
{
	const char *build_id = s->capture->names[module->build_id];
	int fd = -1;

	/* Without one a file of that name may be any version. */
	if (strlen(build_id) < 3 || strspn(build_id, "0123456789abcdef") != strlen(build_id))
		return -1;
	if (s->directory)
		fd = open_below(s->directory, build_id, path, size);
	if (fd >= 0)
		return fd;
	snprintf(path, size, "%s", s->capture->names[module->path]);
	if (*path == '/')
		fd = open_checked(path, build_id);
	return fd >= 0 ? fd : open_below(DEBUG_DIRECTORY, build_id, path, size);
}

/* libdwfl takes the copy over, but when it cannot do with it. */
static Dwfl_Module *report(struct capture_symbols *s, uint64_t i)
{
	const struct capture_module *module = &s->capture->modules[i];
	char path[PATH_MAX], name[32];
	Dwfl_Module *dwfl;
	int fd = take_copy(open_file(s, module, path, sizeof(path)));

	if (fd < 0)
		return NULL;
	snprintf(name, sizeof(name), "module %llu", (unsigned long long)i);
	dwfl_report_begin_add(s->dwfl);
	dwfl = dwfl_report_elf(s->dwfl, name, path, fd, module->bias, true);
	dwfl_report_end(s->dwfl, NULL, NULL);
	if (!dwfl)
		close(fd);
	return dwfl;
}

static struct symbols *symbols_of(struct capture_symbols *s, uint64_t ip)
{
	uint64_t i;

	for (i = 0; i < s->capture->end.modules; i++) {
		if (ip >= s->capture->modules[i].start && ip < s->capture->modules[i].end)
			break;
	}
	if (i == s->capture->end.modules)
		return NULL;
	if (!s->found[i].looked) {
		Dwfl_Module *dwfl = report(s, i);

		s->found[i].looked = true;
		if (dwfl)
			s->found[i].symbols = symbols__new(dwfl, s->names, 0);
	}
	return s->found[i].symbols;
}

size_t capture_symbols__names(struct capture_symbols *s, const struct capture_frame *frame,
                              const char **names, size_t room)
{
	const char *captured = s->capture->names[frame->name], *name, *inner[32];
	uint64_t address = frame->ip - !!(frame->flags & CAPTURE_CALL);
	struct symbols *symbols =
	        capture_symbols__is_nameless(captured) ? symbols_of(s, address) : NULL;
	size_t count = 0, inlined;

	name = symbols ? symbols__name(symbols, address) : NULL;
	names[count++] = name ? name : captured;
	if (!name)
		return count;
	inlined = symbols__inlined(symbols, address, inner, sizeof(inner) / sizeof(*inner));
	for (size_t i = inlined; i > 0 && count < room; i--)
		names[count++] = inner[i - 1];
	return count;
}
