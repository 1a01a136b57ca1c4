/* SPDX-License-Identifier: MIT */
#include "tools/capture/symbols.h"

#include <elfutils/libdwfl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/intern.h"
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

static char *debuginfo_path; /* NULL: libdwfl's default */

static const Dwfl_Callbacks callbacks = {
        .find_elf = dwfl_build_id_find_elf,
        .find_debuginfo = dwfl_standard_find_debuginfo,
        .section_address = dwfl_offline_section_address,
        .debuginfo_path = &debuginfo_path,
};

struct capture_symbols *capture_symbols__new(const struct capture *capture, const char *directory)
{
	struct capture_symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	/* Only what is on this machine: a report asks no server. */
	unsetenv("DEBUGINFOD_URLS");
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

static bool has_build_id(const char *path, const char *build_id)
{
	struct object *object = NULL;
	bool same;

	if (object__open(&object, path))
		return false;
	same = !strcmp(object->build_id, build_id);
	object__free(object);
	return same;
}

/* DIRECTORY/.build-id/xx/yyyy.debug */
static bool try_directory(const char *directory, const char *build_id, char *path, size_t size)
{
	snprintf(path, size, "%s/.build-id/%.2s/%s.debug", directory, build_id, build_id + 2);
	return has_build_id(path, build_id);
}

static bool find_file(const struct capture_symbols *s, const struct capture_module *module,
                      char *path, size_t size)
{
	const char *build_id = s->capture->names[module->build_id];

	/* Without one a file of that name may be any version. */
	if (strlen(build_id) < 3 || strspn(build_id, "0123456789abcdef") != strlen(build_id))
		return false;
	if (s->directory && try_directory(s->directory, build_id, path, size))
		return true;
	snprintf(path, size, "%s", s->capture->names[module->path]);
	if (*path == '/' && has_build_id(path, build_id))
		return true;
	return try_directory(DEBUG_DIRECTORY, build_id, path, size);
}

static struct symbols *symbols_of(struct capture_symbols *s, uint64_t ip)
{
	char path[PATH_MAX], name[32];
	uint64_t i;

	for (i = 0; i < s->capture->end.modules; i++) {
		if (ip >= s->capture->modules[i].start && ip < s->capture->modules[i].end)
			break;
	}
	if (i == s->capture->end.modules)
		return NULL;
	if (!s->found[i].looked) {
		const struct capture_module *module = &s->capture->modules[i];
		Dwfl_Module *dwfl = NULL;

		s->found[i].looked = true;
		snprintf(name, sizeof(name), "module %llu", (unsigned long long)i);
		if (find_file(s, module, path, sizeof(path))) {
			dwfl_report_begin_add(s->dwfl);
			dwfl = dwfl_report_elf(s->dwfl, name, path, -1, module->bias, true);
			dwfl_report_end(s->dwfl, NULL, NULL);
		}
		if (dwfl)
			s->found[i].symbols = symbols__new(dwfl, s->names);
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
