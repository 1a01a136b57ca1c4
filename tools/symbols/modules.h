/* SPDX-License-Identifier: MIT */
/*
 * The code that a live process has mapped, as a libdwfl session: executable, shared objects, vdso.
 * Kept up to date with dlopen, dlclose and exec. Files are opened as the process sees them, so
 * that deleted, replaced and container files are the ones that really run; libdwfl sees copies of
 * them alone.
 */
#ifndef HAK_MODULES_H
#define HAK_MODULES_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/base/intern.h"
#include "tools/symbols/symbols.h"

struct modules;

/* One mapped file. */
struct module {
	struct modules *owner;
	Dwfl_Module *dwfl;
	uint64_t start, end;     /* of its mappings, gaps included */
	const char *path;        /* interned; as the process names it, or "[vdso]" */
	const char *base_name;   /* interned; without the directory */
	struct symbols *symbols; /* NULL until asked for */
	void *image;             /* NULL, or what the process's memory has of it */
	size_t image_bytes;
	size_t copied; /* bytes of copies of its files */
	bool is_said;  /* that something of it cannot be read */
	struct module *next;
};

/* Reads the mappings of process `pid`; `names` outlives the result. NULL with errno ESRCH, EACCES,
 * ENOEXEC (not an x86-64 process) or ENOMEM. */
struct modules *modules__new(pid_t pid, struct intern *names);

/* Accepts NULL. */
void modules__free(struct modules *modules);

/* The session, and the executable that it takes the architecture from. */
Dwfl *modules__dwfl(struct modules *modules);
Elf *modules__elf(struct modules *modules);

/* The first of them all; the others by `next`. */
struct module *modules__first(struct modules *modules);

/* The module that holds `address`, or NULL. Valid until the next refresh that returns true. */
struct module *modules__find(struct modules *modules, uint64_t address);

/* Whether `address` is in executable memory, of a file or not. */
bool modules__is_code(struct modules *modules, uint64_t address);

/* Its symbols, read at the first call. NULL when out of memory. */
struct symbols *module__symbols(struct module *module);

/*
 * Reads the mappings again, unless that was done too recently: the cost is kept to a few percent of
 * the caller's time. `missed` says that an address was in no known code, which asks for it sooner.
 * Returns whether code has come or gone; nothing learnt of the old modules holds then. A process
 * that has exited keeps its last modules.
 */
bool modules__refresh(struct modules *modules, bool missed);

#endif
