/* SPDX-License-Identifier: MIT */
#include "tools/symbols/symbols.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/symbols/shared_debug.h"

enum {
	SYMBOLS_MAX = 4 << 20, /* of one file: a browser has one million */
	UNITS_MAX = 1 << 20,
	MANGLED_MAX = 32768, /* bytes of a name that is demangled */
	NESTED_MAX = 256,    /* symbols around one address that are looked at */
};

/* Of libstdc++ (C++ ABI). Weak: without that library names stay mangled. */
char *__cxa_demangle(const char *mangled, char *buffer, size_t *length, int *status)
        __attribute__((weak));

struct symbol {
	uint64_t start, end; /* as the process sees them */
	uint64_t reach;      /* largest end of this and all symbols before it */
	const char *raw;     /* in the ELF string table */
	const char *name;    /* interned, demangled; NULL until asked for */
	bool sized;          /* false: end is that of the room up to the next symbol */
	unsigned rank;       /* of aliases the lowest is shown */
};

/* The sorted table of .eh_frame_hdr: pairs of 32-bit distances from the header, the first of which
 * leads to a function's start, the second to its description. It lies in the mapped file. */
struct unwind_table {
	const unsigned char *pairs;
	size_t count;
	uint64_t origin; /* file address of the header */
};

struct symbols {
	struct intern *names;
	Dwfl_Module *module;
	struct symbol *sorted;
	size_t count;
	uint64_t bias; /* address in the process - address in the file */
	struct unwind_table table;
	Dwarf_CFI *cfi;
	Dwarf_Addr cfi_bias;
	pid_t pid;
	enum { DEBUG_UNKNOWN, DEBUG_USELESS, DEBUG_READY } debug;
	struct shared_debug *shared; /* NULL: none */
};

static unsigned rank_of(const char *name, const GElf_Sym *sym)
{
	unsigned underscores = (unsigned)strspn(name, "_");
	unsigned bind = GELF_ST_BIND(sym->st_info);
	if (!strncmp(name, "_Z", 2))
		underscores = 0; /* a C++ name, not an internal one */
	return (GELF_ST_TYPE(sym->st_info) == STT_NOTYPE) << 16 | (sym->st_size == 0) << 15 |
	       (underscores > 15 ? 15 : underscores) << 8 |
	       (bind == STB_GLOBAL ? 0
	        : bind == STB_WEAK ? 1
	                           : 2);
}

/* Hand-written assembly often leaves the type out; data and section names must not get in. */
static bool names_code(Elf *elf, GElf_Word section, const GElf_Sym *sym)
{
	switch (GELF_ST_TYPE(sym->st_info)) {
	case STT_FUNC:
	case STT_GNU_IFUNC:
		return section != SHN_UNDEF;
	case STT_NOTYPE:
		if (section == SHN_UNDEF || section >= SHN_LORESERVE)
			return false;
		break;
	default:
		return false;
	}
	GElf_Shdr memory, *header = gelf_getshdr(elf_getscn(elf, section), &memory);
	return header && header->sh_flags & SHF_EXECINSTR;
}

static int by_address(const void *left, const void *right)
{
	const struct symbol *a = left, *b = right;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return strcmp(a->raw, b->raw);
}

/* One symbol per start; the aliases' largest extent; unsized ones reach to the next start. */
static void tidy(struct symbols *s)
{
	if (s->count == 0)
		return;
	qsort(s->sorted, s->count, sizeof(*s->sorted), by_address);
	size_t kept = 0;
	for (size_t i = 1; i < s->count; i++) {
		struct symbol *last = &s->sorted[kept], *next = &s->sorted[i];
		if (next->start != last->start) {
			s->sorted[++kept] = *next;
		} else if (next->end > last->end) {
			last->end = next->end;
			last->sized = next->sized;
		}
	}
	s->count = kept + 1;
	uint64_t reach = 0;
	for (size_t i = 0; i < s->count; i++) {
		struct symbol *symbol = &s->sorted[i];
		if (!symbol->sized)
			symbol->end = i + 1 < s->count ? symbol[1].start : symbol->start + 4096;
		if (symbol->end > reach)
			reach = symbol->end;
		symbol->reach = reach;
	}
}

static int read_symbols(struct symbols *s, Dwfl_Module *module)
{
	int total = dwfl_module_getsymtab(module);
	if (total <= 0)
		return 0;
	if (total > SYMBOLS_MAX)
		total = SYMBOLS_MAX;
	s->sorted = malloc((size_t)total * sizeof(*s->sorted));
	if (!s->sorted)
		return -1;
	for (int i = 0; i < total; i++) {
		GElf_Sym sym;
		GElf_Addr address, bias;
		GElf_Word section;
		Elf *elf;
		const char *name =
		        dwfl_module_getsym_info(module, i, &sym, &address, &section, &elf, &bias);
		if (!name || !*name || *name == '.' || *name == '$' || !elf ||
		    !names_code(elf, section, &sym))
			continue;
		s->sorted[s->count++] = (struct symbol){
		        .start = address,
		        .end = address + sym.st_size,
		        .raw = name,
		        .sized = sym.st_size != 0,
		        .rank = rank_of(name, &sym),
		};
	}
	tidy(s);
	return 0;
}

static int32_t read_s32(const unsigned char *bytes)
{
	int32_t value;
	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Every linker on x86-64 writes this one form of the table; other forms are left alone. */
static void read_unwind_table(struct symbols *s, Elf *elf)
{
	size_t count = 0;
	if (elf_getphdrnum(elf, &count) != 0)
		return;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr memory, *header = gelf_getphdr(elf, (int)i, &memory);
		if (!header || header->p_type != PT_GNU_EH_FRAME)
			continue;
		Elf_Data *data = elf_getdata_rawchunk(elf, (int64_t)header->p_offset,
		                                      header->p_filesz, ELF_T_BYTE);
		const unsigned char *bytes = data ? data->d_buf : NULL;
		if (!bytes || data->d_size < 12 || bytes[0] != 1 ||
		    (bytes[1] & 0x0f) != DW_EH_PE_sdata4 || bytes[2] != DW_EH_PE_udata4 ||
		    bytes[3] != (DW_EH_PE_datarel | DW_EH_PE_sdata4))
			return;
		uint32_t entries = (uint32_t)read_s32(bytes + 8);
		if (entries > (data->d_size - 12) / 8)
			return;
		s->table = (struct unwind_table){bytes + 12, entries, header->p_vaddr};
		return;
	}
}

/* Start of the last function at or below `address` (both as in the file); 0 when there is none. */
static uint64_t table_find(const struct unwind_table *table, uint64_t address)
{
	size_t low = 0, high = table->count;
	uint64_t found = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		uint64_t start =
		        table->origin + (uint64_t)(int64_t)read_s32(table->pairs + 8 * middle);
		if (start > address) {
			high = middle;
		} else {
			found = start;
			low = middle + 1;
		}
	}
	return found;
}

struct symbols *symbols__new(Dwfl_Module *module, struct intern *names, pid_t pid)
{
	struct symbols *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->names = names;
	s->module = module;
	s->pid = pid;
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(module, &bias);
	if (!elf) {
		dwfl_module_info(module, NULL, &s->bias, NULL, NULL, NULL, NULL, NULL);
		return s;
	}
	s->bias = bias;
	s->cfi = dwfl_module_eh_cfi(module, &s->cfi_bias);
	read_unwind_table(s, elf);
	if (read_symbols(s, module)) {
		symbols__free(s);
		return NULL;
	}
	return s;
}

void symbols__free(struct symbols *s)
{
	if (!s)
		return;
	shared_debug__free(s->shared);
	free(s->sorted);
	free(s);
}

static struct symbol *find(struct symbols *s, uint64_t address)
{
	size_t low = 0, high = s->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (s->sorted[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	/* Extents may be nested; the innermost one has the largest start. */
	size_t last = low > NESTED_MAX ? low - NESTED_MAX : 0;
	for (size_t i = low; i > last && s->sorted[i - 1].reach > address; i--)
		if (s->sorted[i - 1].end > address)
			return &s->sorted[i - 1];
	return NULL;
}

typedef char *demangle_fn(const char *mangled, char *buffer, size_t *length, int *status);

/* C++'s own demangler, looked for at run time: where libstdc++ is missing no C++ program runs
 * either, and a tool in C should not need it to start. */
static demangle_fn *demangler(void)
{
	static demangle_fn *found;
	static bool looked;
	if (!looked) {
		void *library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_LOCAL);
		if (library)
			found = (demangle_fn *)dlsym(library, "__cxa_demangle");
		looked = true;
	}
	return found;
}

static const char *readable(struct symbols *s, const char *raw)
{
	demangle_fn *demangle = strncmp(raw, "_Z", 2) || strnlen(raw, MANGLED_MAX) == MANGLED_MAX
	                                ? NULL
	                                : demangler();
	char *demangled = demangle ? demangle(raw, NULL, NULL, &(int){0}) : NULL;
	if (!demangled)
		return intern__name(s->names, raw, strcspn(raw, "@"));
	const char *name = intern__name(s->names, demangled, SIZE_MAX);
	free(demangled);
	return name;
}

const char *symbols__name(struct symbols *s, uint64_t address)
{
	struct symbol *symbol = find(s, address);
	if (!symbol)
		return NULL;
	/* An unsized symbol ends where the next described function begins. */
	if (!symbol->sized && table_find(&s->table, address - s->bias) > symbol->start - s->bias)
		return NULL;
	if (!symbol->name)
		symbol->name = readable(s, symbol->raw);
	return symbol->name;
}

uint64_t symbols__function(const struct symbols *s, uint64_t address)
{
	/* The table has starts only: whether the function still
	 * lasts at `address` is in .eh_frame. */
	Dwarf_Frame *frame = NULL;
	if (!s->cfi || dwarf_cfi_addrframe(s->cfi, address - s->cfi_bias, &frame) != 0)
		return address - s->bias;
	free(frame);
	uint64_t start = table_find(&s->table, address - s->bias);
	return start ? start : address - s->bias;
}

uint64_t symbols__address(const struct symbols *s, const char *raw)
{
	size_t length = strlen(raw);
	for (size_t i = 0; i < s->count; i++)
		if (!strncmp(s->sorted[i].raw, raw, length) &&
		    (s->sorted[i].raw[length] == '\0' || s->sorted[i].raw[length] == '@'))
			return s->sorted[i].start;
	return 0;
}

/* --- inlined functions ------------------------------------------------------------------------ */

static const char *inlined_name(struct symbols *s, Dwarf_Die *die)
{
	Dwarf_Attribute memory;
	Dwarf_Attribute *attribute = dwarf_attr_integrate(die, DW_AT_linkage_name, &memory);
	if (!attribute)
		attribute = dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &memory);
	const char *raw = attribute ? dwarf_formstring(attribute) : NULL;
	const char *name = raw ? readable(s, raw) : dwarf_diename(die);
	char text[1024];
	snprintf(text, sizeof(text), "%.1000s (inlined)", name ? name : "[unknown]");
	return intern__name(s->names, text, sizeof(text));
}

/*
 * A unit of split DWARF names another file, which libdw would open itself, wherever the name leads:
 * nothing is asked of files that have such units.
 */
static bool has_split_units(Dwarf *dwarf)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;
	int result;

	for (size_t i = 0; i < UNITS_MAX; i++) {
		result = dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &die, NULL);
		if (result)
			return result < 0;
		if (dwarf_hasattr(&die, DW_AT_dwo_name) || dwarf_hasattr(&die, DW_AT_GNU_dwo_name))
			return true;
	}
	return true;
}

/* Whether there is debug information; libdw has been told then where the rest of it is. */
static bool has_debug(struct symbols *s)
{
	Dwarf_Addr bias;
	Dwarf *dwarf;

	if (s->debug != DEBUG_UNKNOWN)
		return s->debug == DEBUG_READY;
	dwarf = dwfl_module_getdwarf(s->module, &bias);
	s->debug = DEBUG_USELESS;
	if (!dwarf || has_split_units(dwarf) || shared_debug__join(dwarf, s->pid, &s->shared))
		return false;
	s->debug = DEBUG_READY;
	return true;
}

size_t symbols__inlined(struct symbols *s, uint64_t address, const char **names, size_t room)
{
	Dwarf_Addr bias;
	if (!has_debug(s))
		return 0;
	Dwarf_Die *unit = dwfl_module_addrdie(s->module, address, &bias), *scopes = NULL;
	if (!unit || dwarf_getscopes(unit, address - bias, &scopes) <= 0)
		return 0;
	/* Beyond an inlined function these scopes go on where it was written; where it was put is
	 * told by the tree. */
	Dwarf_Die innermost = scopes[0], *around = NULL;
	free(scopes);
	int count = dwarf_getscopes_die(&innermost, &around);
	size_t found = 0;
	for (int i = 0; i < count && found < room; i++) {
		int tag = dwarf_tag(&around[i]);
		if (tag == DW_TAG_subprogram)
			break;
		const char *name =
		        tag == DW_TAG_inlined_subroutine ? inlined_name(s, &around[i]) : NULL;
		if (name)
			names[found++] = name;
	}
	free(around);
	return found;
}
