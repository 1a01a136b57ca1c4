/* SPDX-License-Identifier: MIT */
#include "tools/target/object.h"

#include <errno.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/text.h"
#include "tools/target/foreign.h"
#include "tools/target/image.h"

enum { STAPSDT_TYPE = 3, COPY_MAX = 256 << 20 };

static const char *const malloc_side[] = {
        "malloc",        "calloc",         "realloc", "reallocarray", "memalign",
        "aligned_alloc", "posix_memalign", "valloc",  "pvalloc",
};
static const char *const free_side[] = {
        "free",
        "cfree",
        "free_sized",
        "free_aligned_sized",
};

/* alloc_usable_size is not an entry, but the whole of one; some programs call it as often as
 * malloc. */
static const char *const other_side[] = {
        "malloc_usable_size", "alloc_usable_size", "mallinfo",    "mallinfo2", "mallopt",
        "malloc_trim",        "malloc_stats",      "malloc_info",
};

static bool is_one_of(const char *name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(name, list[i]))
			return true;
	}
	return false;
}

enum object_side object__side(const char *name)
{
	/* _Znwm, _Znam and their forms: operator new; _ZdlPv, _ZdaPv: operator delete. */
	if (!strncmp(name, "_Znw", 4) || !strncmp(name, "_Zna", 4))
		return SIDE_MALLOC;
	if (!strncmp(name, "_Zdl", 4) || !strncmp(name, "_Zda", 4))
		return SIDE_FREE;
	if (!strncmp(name, "fire_hakmem_", 12) || !strncmp(name, "fire_otel_memory_", 17))
		return SIDE_PROBE;
	if (is_one_of(name, malloc_side, sizeof(malloc_side) / sizeof(*malloc_side)))
		return SIDE_MALLOC;
	if (is_one_of(name, free_side, sizeof(free_side) / sizeof(*free_side)))
		return SIDE_FREE;
	if (is_one_of(name, other_side, sizeof(other_side) / sizeof(*other_side)))
		return SIDE_OTHER;
	return SIDE_NONE;
}

/* --- notes ----------------------------------------------------------------------------------- */

static void note_build_id(struct object *object, const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size && 2 * i + 2 < sizeof(object->build_id); i++)
		sprintf(object->build_id + 2 * i, "%02x", bytes[i]);
}

const struct object_site *object__site(const struct object *object, const char *provider,
                                       const char *name)
{
	for (size_t i = 0; i < object->site_count; i++) {
		if (!strcmp(object->sites[i].provider, provider) &&
		    !strcmp(object->sites[i].name, name))
			return &object->sites[i];
	}
	return NULL;
}

/* `place`: the site's address, the base's when it was linked, the semaphore's. */
static void note_site(struct object *object, const char *bytes, const char *provider,
                      const char *name)
{
	struct object_site *site = &object->sites[object->site_count];
	uint64_t place[3];

	if (object->site_count == OBJECT_SITES || strlen(provider) >= sizeof(site->provider) ||
	    strlen(name) >= sizeof(site->name))
		return;
	memcpy(place, bytes, sizeof(place));
	strcpy(site->provider, provider);
	strcpy(site->name, name);
	site->address = place[0];
	site->semaphore = place[2];
	object->site_count++;
}

static uint64_t file_offset(Elf *elf, uint64_t address)
{
	GElf_Phdr header;
	size_t count;

	if (elf_getphdrnum(elf, &count))
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_LOAD &&
		    address >= header.p_vaddr && address < header.p_vaddr + header.p_filesz)
			return address - header.p_vaddr + header.p_offset;
	}
	return 0;
}

/* (Only prelink moves a base after linking, and nobody prelinks any more.) */
static void place_sites(struct object *object, Elf *elf)
{
	for (size_t i = 0; i < object->site_count; i++) {
		struct object_site *site = &object->sites[i];

		site->address = file_offset(elf, site->address);
		if (site->semaphore)
			site->semaphore = file_offset(elf, site->semaphore);
	}
}

/*
 * Whether the arguments ("8@%rdi 8@%rsi") stand where a function's do, as docs/probes.md demands:
 * that is where the BPF programs take them from.
 */
static bool in_registers(const char *arguments)
{
	static const char *const registers[] = {"%rdi", "%rsi", "%rdx"};

	for (size_t i = 0; *arguments; i++) {
		const char *at = strchr(arguments, '@');
		size_t length = strcspn(arguments, " ");

		if (!at || i == sizeof(registers) / sizeof(*registers) ||
		    length != (size_t)(at - arguments) + 5 || strncmp(at + 1, registers[i], 4) != 0)
			return false;
		arguments += length;
		arguments += strspn(arguments, " ");
	}
	return true;
}

/* The string behind `text`, before `end`; NULL when there is none. */
static const char *next_string(const char *text, const char *end)
{
	const char *next = text ? memchr(text, '\0', (size_t)(end - text)) : NULL;

	return next && next + 1 < end && memchr(next + 1, '\0', (size_t)(end - next - 1)) ? next + 1
	                                                                                  : NULL;
}

/* Descriptor: three addresses, then provider, name and arguments as strings. */
static void note_probe(struct object *object, const char *bytes, size_t size)
{
	const char *provider = bytes + 24, *name, *arguments;

	name = size > 24 ? next_string(provider, bytes + size) : NULL;
	arguments = next_string(name, bytes + size);
	if (!arguments || !in_registers(arguments))
		return;
	if (!strcmp(provider, "hakmem")) {
		object->probes++;
		note_site(object, bytes, provider, name);
		object->has_tally |= !strcmp(name, "tally");
		object->has_cold |= !strcmp(name, "cold_end");
	} else if (!strcmp(provider, "otel_memory")) {
		object->probes++;
		note_site(object, bytes, provider, name);
		object->has_alloc |= !strcmp(name, "alloc");
		object->has_free |= !strcmp(name, "free");
	}
}

static void read_notes(struct object *object, Elf_Data *data)
{
	size_t at = 0, next, name_at, desc_at;
	GElf_Nhdr header;

	while ((next = gelf_getnote(data, at, &header, &name_at, &desc_at)) > 0) {
		const char *owner = (const char *)data->d_buf + name_at;
		const char *desc = (const char *)data->d_buf + desc_at;

		if (header.n_namesz == sizeof("GNU") && !strcmp(owner, "GNU") &&
		    header.n_type == NT_GNU_BUILD_ID)
			note_build_id(object, (const unsigned char *)desc, header.n_descsz);
		else if (header.n_namesz == sizeof("stapsdt") && !strcmp(owner, "stapsdt") &&
		         header.n_type == STAPSDT_TYPE)
			note_probe(object, desc, header.n_descsz);
		else if (header.n_namesz == sizeof(HAK_NOTE_OWNER) &&
		         !strcmp(owner, HAK_NOTE_OWNER) && header.n_type == HAK_NOTE_PROCESS &&
		         header.n_descsz >= sizeof(object->note)) {
			memcpy(&object->note, desc, sizeof(object->note));
			object->has_note = true;
		}
		at = next;
	}
}

/* --- functions ------------------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
	const struct object_function *left = a, *right = b;

	if (left->start != right->start)
		return left->start < right->start ? -1 : 1;
	/* Of several names of one function the entry's comes first. */
	return (int)(right->side != SIDE_NONE) - (int)(left->side != SIDE_NONE);
}

static int read_functions(struct object *object, Elf *elf, Elf_Scn *section, GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	Elf_Data *strings = elf_getdata(elf_getscn(elf, header->sh_link), NULL);
	size_t count = header->sh_size / sizeof(Elf64_Sym);

	if (!data || !strings || !strings->d_size || header->sh_entsize != sizeof(Elf64_Sym))
		return -ENOEXEC;
	object->names = malloc(strings->d_size + 1);
	object->functions = calloc(count + 1, sizeof(*object->functions));
	if (!object->names || !object->functions)
		return -ENOMEM;
	memcpy(object->names, strings->d_buf, strings->d_size);
	object->names[strings->d_size] = '\0';
	for (size_t i = 0; i < count; i++) {
		struct object_function *function = &object->functions[object->function_count];
		GElf_Sym symbol;

		if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF ||
		    symbol.st_name >= strings->d_size ||
		    (GELF_ST_TYPE(symbol.st_info) != STT_FUNC &&
		     GELF_ST_TYPE(symbol.st_info) != STT_GNU_IFUNC))
			continue;
		function->start = symbol.st_value;
		function->end = symbol.st_value + (symbol.st_size ? symbol.st_size : 1);
		function->name = text__flatten(object->names + symbol.st_name);
		function->side = object__side(function->name);
		object->function_count++;
	}
	qsort(object->functions, object->function_count, sizeof(*object->functions), by_address);
	return 0;
}

/* .symtab has the allocator's inside, .dynsym only its entries; either will do. */
static int find_functions(struct object *object, Elf *elf)
{
	Elf_Scn *section = NULL, *best = NULL;
	GElf_Shdr header, best_header = {0};

	while ((section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &header))
			continue;
		if (header.sh_type == SHT_SYMTAB || (header.sh_type == SHT_DYNSYM && !best)) {
			best = section;
			best_header = header;
		}
	}
	return best ? read_functions(object, elf, best, &best_header) : 0;
}

const struct object_function *object__function(const struct object *object, uint64_t address)
{
	size_t low = 0, high = object->function_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (object->functions[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	/* Back to the first of several names at the same address. */
	while (low > 1 && object->functions[low - 2].start == object->functions[low - 1].start)
		low--;
	return address < object->functions[low - 1].end ? &object->functions[low - 1] : NULL;
}

/* --- text ------------------------------------------------------------------------------------ */

/* In a program that contains our note; its operators may yet be libstdc++'s. */
static bool is_certainly_ours(const struct object_function *function)
{
	return function->side == SIDE_PROBE || !strcmp(function->name, "malloc") ||
	       !strcmp(function->name, "free") || !strcmp(function->name, "hak_version");
}

/*
 * A library's text is all ours. A static linker lays the members of libhakmem.a next to each other,
 * so there the text reaches from the first to the last function that is ours for certain.
 */
static void find_text(struct object *object, Elf *elf)
{
	GElf_Phdr header;
	size_t count;

	object->text_start = UINT64_MAX;
	if (!object->shared) {
		for (size_t i = 0; i < object->function_count; i++) {
			const struct object_function *function = &object->functions[i];

			if (!is_certainly_ours(function))
				continue;
			if (function->start < object->text_start)
				object->text_start = function->start;
			if (function->end > object->text_end)
				object->text_end = function->end;
		}
		return;
	}
	if (elf_getphdrnum(elf, &count))
		return;
	for (size_t i = 0; i < count; i++) {
		if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_LOAD ||
		    !(header.p_flags & PF_X))
			continue;
		if (header.p_vaddr < object->text_start)
			object->text_start = header.p_vaddr;
		if (header.p_vaddr + header.p_memsz > object->text_end)
			object->text_end = header.p_vaddr + header.p_memsz;
	}
}

/* A position-independent executable is ET_DYN as well; it is the one with an interpreter or a
 * DF_1_PIE flag. */
static bool is_shared(Elf *elf)
{
	Elf_Scn *section = NULL;
	GElf_Ehdr header;
	GElf_Shdr info;
	GElf_Dyn dyn;

	if (!gelf_getehdr(elf, &header) || header.e_type != ET_DYN)
		return false;
	while ((section = elf_nextscn(elf, section))) {
		Elf_Data *data;

		if (!gelf_getshdr(section, &info) || info.sh_type != SHT_DYNAMIC)
			continue;
		data = elf_getdata(section, NULL);
		for (int i = 0; data && gelf_getdyn(data, i, &dyn); i++) {
			if (dyn.d_tag == DT_FLAGS_1 && (dyn.d_un.d_val & DF_1_PIE))
				return false;
		}
	}
	return true;
}

/* --- life ------------------------------------------------------------------------------------ */

static int note_texts(struct object *object, Elf *elf)
{
	GElf_Phdr header;
	size_t count;

	if (elf_getphdrnum(elf, &count))
		return -ENOEXEC;
	for (size_t i = 0; i < count && object->text_count < OBJECT_TEXTS; i++) {
		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_LOAD &&
		    header.p_flags & PF_X)
			object->texts[object->text_count++] = (struct object_text){
			        header.p_vaddr, header.p_offset, header.p_filesz};
	}
	return 0;
}

static int read_all_notes(struct object *object, Elf *elf)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(elf, section))) {
		Elf_Data *data;

		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_NOTE)
			continue;
		data = elf_getdata(section, NULL);
		if (data)
			read_notes(object, data);
	}
	place_sites(object, elf);
	return note_texts(object, elf);
}

static int read_all_functions(struct object *object, Elf *elf)
{
	int err;

	object->shared = is_shared(elf);
	err = find_functions(object, elf);
	if (!err)
		find_text(object, elf);
	return err;
}

/* Has `read` look at a copy of `parts`. */
static int with_copy(struct object *object, int fd, enum image_parts parts,
                     int (*read)(struct object *object, Elf *elf))
{
	size_t bytes;
	Elf *elf;
	int copy = image__copy(fd, parts, COPY_MAX, &bytes), err;

	if (copy < 0)
		return copy;
	elf_version(EV_CURRENT);
	elf = elf_begin(copy, ELF_C_READ_MMAP, NULL);
	err = elf && elf_kind(elf) == ELF_K_ELF ? read(object, elf) : -ENOEXEC;
	elf_end(elf);
	close(copy);
	return err;
}

int object__read(struct object **result, int fd)
{
	struct object *object = calloc(1, sizeof(*object));
	int err;

	*result = NULL;
	if (!object)
		return -ENOMEM;
	err = with_copy(object, fd, IMAGE_NOTES, read_all_notes);
	/* Most files are none of ours: their symbols are never looked at. */
	if (!err && (object->has_note || object->has_alloc))
		err = with_copy(object, fd, IMAGE_SYMBOLS, read_all_functions);
	if (err)
		object__free(object);
	else
		*result = object;
	return err;
}

int object__open(struct object **result, const char *path)
{
	int fd = foreign__open(0, path, FOREIGN_LINKS), err;

	*result = NULL;
	if (fd < 0)
		return fd;
	err = object__read(result, fd);
	close(fd);
	return err;
}

void object__free(struct object *object)
{
	if (!object)
		return;
	free(object->functions);
	free(object->names);
	free(object);
}

int object__bias(const struct object *object, uint64_t start, uint64_t offset, uint64_t *bias)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE) - 1;

	for (size_t i = 0; i < object->text_count; i++) {
		const struct object_text *text = &object->texts[i];

		if (offset < (text->offset & ~page) || offset >= text->offset + text->bytes)
			continue;
		*bias = start - offset - (text->address - text->offset);
		return 0;
	}
	return -ENOEXEC;
}
