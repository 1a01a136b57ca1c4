/* SPDX-License-Identifier: MIT */
/*
 * The problem. A library that is loaded with RTLD_DEEPBIND looks for its symbols in itself and in
 * its own dependencies before it looks where all others do; libc is among these, so its malloc and
 * free are libc's, whatever was preloaded. php loads its extensions like this. A block of libc's
 * that reaches our free goes to libc's (alloc.c). The other direction is worse: libc's free takes
 * what lies before a block of ours for a header of its own, and aborts or corrupts.
 *
 * What was considered. A dlopen of ours that takes the flag away: a library then finds other
 * definitions than it asked for, of all its symbols and not of malloc's family alone. A free that
 * libc calls: there is no hook in it any more. What is done here: the symbol table of libc, as it
 * lies in this process (a private copy of the pages that are written, ten of them), gets our
 * addresses for the exported names of the family. Whoever looks there from then on finds ours: a
 * library loaded with RTLD_DEEPBIND, dlsym with a handle of libc's, dlsym(RTLD_NEXT) of a library
 * that stands between ours and libc. glibc's own names (__libc_malloc and so on), by which we reach
 * it, stay as they are. Debuggers and profilers read the file, which stays as it is, too.
 *
 * When. At the first malloc of the process, or earlier: dlopen allocates before it binds anything,
 * so no library can have been bound to libc's by then. That first malloc may come from inside of
 * the dynamic linker, with its locks taken, hence nothing here asks it for anything: its list of
 * objects (r_debug, which is there for debuggers) and the objects' hash tables are read as it would
 * read them. Only the proof asks it, from a constructor.
 *
 * Invariant. A name is bound either to libc's function or to ours at any moment, and to ours only
 * if the dynamic linker prefers ours to libc's for everybody else: our object comes before libc in
 * the list. If not (we were loaded by dlopen), calls that are bound already would go on to
 * libc's, and blocks of ours would reach its free by that.
 *
 * What is left. A namespace of its own (dlmopen) has another libc, and its malloc: what it
 * allocates and frees is its own affair, and blocks must not cross, as with glibc alone.
 */
#include "bind.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

#include "libc.h"
#include "log.h"
#include "options.h"
#include "os.h"

extern struct r_debug _r_debug __attribute__((weak)); /* absent from a static program */
extern ElfW(Dyn) _DYNAMIC[] __attribute__((weak, visibility("hidden"))); /* of our object */
extern void *dlsym(void *, const char *) __attribute__((weak));

static const char *const names[] = {
        "malloc", "free",          "calloc",  "realloc",        "reallocarray",       "memalign",
        "valloc", "aligned_alloc", "pvalloc", "posix_memalign", "malloc_usable_size", "cfree",
};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

/* An object's symbols, and the hash table that they are found by (DT_GNU_HASH). */
struct symbols {
	uintptr_t base;
	ElfW(Sym) * table;
	const char *strings;
	const uint32_t *buckets, *chains; /* a chain ends with an odd hash */
	uint32_t bucket_count, first;     /* the symbol that chains[0] is of */
};

/* malloc, once it is bound; NULL: nothing was. */
static void *bound_ours, *bound_libc;

/* An address in a dynamic section; glibc relocates them where it can write. */
static uintptr_t address_in(const struct link_map *object, uintptr_t address)
{
	return address < object->l_addr ? address + object->l_addr : address;
}

static bool symbols_of(const struct link_map *object, struct symbols *symbols)
{
	const uint32_t *hash = NULL;
	*symbols = (struct symbols){.base = object->l_addr};
	for (const ElfW(Dyn) *d = object->l_ld; d && d->d_tag != DT_NULL; d++) {
		uintptr_t address = address_in(object, d->d_un.d_ptr);
		if (d->d_tag == DT_SYMTAB)
			symbols->table = (ElfW(Sym) *)address;
		else if (d->d_tag == DT_STRTAB)
			symbols->strings = (const char *)address;
		else if (d->d_tag == DT_GNU_HASH)
			hash = (const uint32_t *)address;
	}
	if (!hash || !symbols->table || !symbols->strings || !hash[0])
		return false;
	uint32_t filter_words = hash[2] * (uint32_t)(sizeof(ElfW(Addr)) / sizeof(uint32_t));
	symbols->bucket_count = hash[0];
	symbols->first = hash[1];
	symbols->buckets = hash + 4 + filter_words;
	symbols->chains = symbols->buckets + symbols->bucket_count;
	return true;
}

static uint32_t hash_of(const char *name)
{
	uint32_t hash = 5381;
	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

static bool defines(const struct symbols *symbols, const ElfW(Sym) * symbol, const char *name)
{
	return ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_shndx != SHN_UNDEF &&
	       !strcmp(symbols->strings + symbol->st_name, name);
}

/* Calls `each` for every function of that name, of whatever version; returns how many there are. */
static unsigned for_each(const struct symbols *symbols, const char *name,
                         void (*each)(ElfW(Sym) * symbol, uintptr_t value), uintptr_t value)
{
	unsigned found = 0;
	uint32_t hash = hash_of(name);
	uint32_t i = symbols->buckets[hash % symbols->bucket_count];
	if (i < symbols->first)
		return 0;
	for (;; i++) {
		uint32_t link = symbols->chains[i - symbols->first];
		if ((link | 1) == (hash | 1) && defines(symbols, &symbols->table[i], name)) {
			each(&symbols->table[i], value);
			found++;
		}
		if (link & 1)
			return found;
	}
}

static void store_value(ElfW(Sym) * symbol, uintptr_t value)
{
	__atomic_store_n(&symbol->st_value, value, __ATOMIC_RELEASE);
}

static void load_value(ElfW(Sym) * symbol, uintptr_t value)
{
	*(uintptr_t *)value = symbol->st_value;
}

/* Where the object has that function; NULL: nowhere. */
static void *function_in(const struct symbols *symbols, const char *name)
{
	uintptr_t offset = 0;
	return for_each(symbols, name, load_value, (uintptr_t)&offset)
	               ? (void *)(symbols->base + offset)
	               : NULL;
}

/*
 * The whole pages that hold the entries from the lowest to the highest of these names. They must be
 * of a segment that is only read: protection is put back to that.
 */
struct pages {
	uintptr_t begin, end;
};

static void widen(ElfW(Sym) * symbol, uintptr_t value)
{
	struct pages *pages = (struct pages *)value;
	uintptr_t page = (uintptr_t)symbol & ~(uintptr_t)(PAGE_SIZE - 1);
	uintptr_t end = ((uintptr_t)(symbol + 1) + PAGE_SIZE - 1) & ~(uintptr_t)(PAGE_SIZE - 1);
	if (!pages->end || page < pages->begin)
		pages->begin = page;
	if (end > pages->end)
		pages->end = end;
}

static bool only_read(const struct link_map *object, const struct pages *pages)
{
	const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)object->l_addr;
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
		return false;
	const ElfW(Phdr) *segment = (const ElfW(Phdr) *)(object->l_addr + header->e_phoff);
	for (unsigned i = 0; i < header->e_phnum; i++, segment++) {
		uintptr_t begin = object->l_addr + segment->p_vaddr;
		uintptr_t end = round_up(begin + segment->p_memsz, PAGE_SIZE);
		if (segment->p_type == PT_LOAD && begin <= pages->begin && pages->end <= end)
			return segment->p_flags == PF_R;
	}
	return false;
}

/* Ours and, behind it, libc: the object that has a function which only libc has. */
static bool find_objects(struct link_map **ours, struct link_map **libc, struct symbols *symbols)
{
	*ours = NULL;
	if (!&_r_debug || !_DYNAMIC)
		return false;
	for (struct link_map *object = _r_debug.r_map; object; object = object->l_next) {
		if (object->l_ld == _DYNAMIC) {
			*ours = object;
		} else if (symbols_of(object, symbols) &&
		           function_in(symbols, "gnu_get_libc_version")) {
			*libc = object;
			return *ours != NULL;
		}
	}
	return false;
}

/*
 * Whether libc's malloc is still its own, or bound to that of an object behind ours: a libhakmem
 * that is preloaded into a program that has another one linked in. The first in the list has it.
 */
static bool may_bind(const struct link_map *ours, const struct symbols *libc)
{
	struct symbols symbols;
	void *now = function_in(libc, "malloc");
	if (now == function_in(libc, "__libc_malloc"))
		return true;
	for (const struct link_map *object = ours->l_next; object; object = object->l_next)
		if (symbols_of(object, &symbols) && symbols.table != libc->table &&
		    function_in(&symbols, "malloc") == now)
			return true;
	return false;
}

static void bind_names(const struct symbols *ours, const struct symbols *libc)
{
	for (unsigned i = 0; i < NAMES; i++) {
		void *function = function_in(ours, names[i]);
		if (function)
			for_each(libc, names[i], store_value, (uintptr_t)function - libc->base);
	}
}

void bind_libc(void)
{
	struct link_map *own_object, *libc_object;
	struct symbols ours, libc;
	struct pages pages = {0, 0};
	if (!options.bind_libc || !find_objects(&own_object, &libc_object, &libc) ||
	    !symbols_of(own_object, &ours) || !function_in(&ours, "malloc") ||
	    !may_bind(own_object, &libc))
		return;
	for (unsigned i = 0; i < NAMES; i++)
		for_each(&libc, names[i], widen, (uintptr_t)&pages);
	size_t bytes = pages.end - pages.begin;
	void *usable_size = function_in(&libc, "malloc_usable_size");
	if (!only_read(libc_object, &pages) || os_protect_write((void *)pages.begin, bytes, true))
		return;
	libc_remember_usable_size(usable_size);
	bound_libc = function_in(&libc, "malloc");
	bound_ours = function_in(&ours, "malloc");
	bind_names(&ours, &libc);
	os_protect_write((void *)pages.begin, bytes, false);
}

void bind_prove(bool announce)
{
	/* libc's, unless there is another allocator between us and libc. */
	void *next = bound_ours && dlsym ? dlsym(RTLD_NEXT, "malloc") : NULL;
	if (next && next == bound_libc)
		log_message("HAKMEM_BIND_LIBC=1 had no effect: libc's malloc is still found");
	else if (announce)
		log_message(!bound_ours          ? "libc's malloc is not bound to ours"
		            : next == bound_ours ? "libc's malloc is bound to ours (proved)"
		                                 : "libc's malloc is bound to ours");
}
