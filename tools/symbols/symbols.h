/* SPDX-License-Identifier: MIT */
/*
 * Names of the functions of one module (executable, shared object, vdso) of a libdwfl session.
 *
 * An address gets the name of a symbol only if the symbol's extent covers it. In a stripped file
 * the nearest .dynsym entry is as a rule another function, so an address without a symbol belongs
 * to the function that .eh_frame_hdr says starts there, which has no name but still one start: all
 * samples of one function stay together.
 */
#ifndef HAK_SYMBOLS_H
#define HAK_SYMBOLS_H

#include <elfutils/libdwfl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/base/intern.h"

struct symbols;

/* Reads the module's symbols (.symtab, also of its debug file, else .dynsym). `names` outlives the
 * result; the module does. `pid`: the process that names further files, 0 none. NULL when out of
 * memory. */
struct symbols *symbols__new(Dwfl_Module *module, struct intern *names, pid_t pid);

/* Accepts NULL. */
void symbols__free(struct symbols *symbols);

/* The function's name at `address` (as the process sees it), demangled, without symbol version;
 * NULL when no symbol covers it. */
const char *symbols__name(struct symbols *symbols, uint64_t address);

/*
 * Names of the functions inlined at `address`, the innermost first, each with " (inlined)" behind
 * it; at most `room`. The function that they are inlined into is not among them. 0 without debug
 * information.
 */
size_t symbols__inlined(struct symbols *symbols, uint64_t address, const char **names, size_t room);

/* Address (as the process sees it) of the symbol `raw`, as it stands in the file; 0 not found. */
uint64_t symbols__address(const struct symbols *symbols, const char *raw);

/* Start of the function that holds `address`, as its file counts (the address that objdump shows);
 * when .eh_frame_hdr does not cover it, `address` itself counted that way. */
uint64_t symbols__function(const struct symbols *symbols, uint64_t address);

#endif
