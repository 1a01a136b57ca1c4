/* SPDX-License-Identifier: MIT */
#include "bench/base/elf_file.h"

#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct mapping {
	const char *bytes;
	size_t size;
};

/* False when it cannot be read or is no ELF file. */
static bool map_file(const char *path, struct mapping *mapping)
{
	struct stat stat;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fstat(fd, &stat) || (size_t)stat.st_size < sizeof(ElfW(Ehdr))) {
		close(fd);
		return false;
	}
	mapping->size = (size_t)stat.st_size;
	mapping->bytes = mmap(NULL, mapping->size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (mapping->bytes == MAP_FAILED)
		return false;
	if (!memcmp(mapping->bytes, ELFMAG, SELFMAG))
		return true;
	munmap((void *)mapping->bytes, mapping->size);
	return false;
}

/* `count` records of `each` bytes at `offset`; NULL when the file ends before. */
static const void *records(const struct mapping *mapping, size_t offset, size_t count, size_t each)
{
	return offset <= mapping->size && count <= (mapping->size - offset) / each
	               ? mapping->bytes + offset
	               : NULL;
}

/* Notes are name and descriptor, each padded to 4 bytes. */
bool elf_build_id_in_notes(const char *notes, size_t bytes, char text[BUILD_ID_TEXT])
{
	while (bytes >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const void *)notes;
		size_t name = (note->n_namesz + 3u) & ~3u, used = sizeof(*note) + name;
		size_t length = used + ((note->n_descsz + 3u) & ~3u);
		if (length > bytes)
			return false;
		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
		    note->n_descsz <= 32 && !memcmp(notes + sizeof(*note), "GNU", 4)) {
			for (size_t i = 0; i < note->n_descsz; i++)
				snprintf(text + 2 * i, 3, "%02x", (unsigned char)notes[used + i]);
			return true;
		}
		notes += length;
		bytes -= length;
	}
	return false;
}

bool elf_file_build_id(const char *path, char text[BUILD_ID_TEXT])
{
	struct mapping mapping;
	bool found = false;
	if (!map_file(path, &mapping))
		return false;
	const ElfW(Ehdr) *header = (const void *)mapping.bytes;
	const ElfW(Phdr) *segment =
	        records(&mapping, header->e_phoff, header->e_phnum, sizeof(*segment));
	for (int i = 0; segment && i < header->e_phnum && !found; i++) {
		const char *notes = records(&mapping, segment[i].p_offset, segment[i].p_filesz, 1);
		if (segment[i].p_type == PT_NOTE && notes)
			found = elf_build_id_in_notes(notes, segment[i].p_filesz, text);
	}
	munmap((void *)mapping.bytes, mapping.size);
	return found;
}

static bool table_defines(const struct mapping *mapping, const ElfW(Shdr) * symbols,
                          const ElfW(Shdr) * strings, const char *wanted)
{
	size_t count = symbols->sh_size / sizeof(ElfW(Sym)), length = strlen(wanted) + 1;
	const ElfW(Sym) *symbol = records(mapping, symbols->sh_offset, count, sizeof(*symbol));
	const char *names = records(mapping, strings->sh_offset, strings->sh_size, 1);
	for (size_t i = 0; symbol && names && i < count; i++)
		if (symbol[i].st_shndx != SHN_UNDEF && length <= strings->sh_size &&
		    symbol[i].st_name <= strings->sh_size - length &&
		    !memcmp(names + symbol[i].st_name, wanted, length))
			return true;
	return false;
}

bool elf_file_defines(const char *path, const char *symbol)
{
	struct mapping mapping;
	bool defines = false;
	if (!map_file(path, &mapping))
		return false;
	const ElfW(Ehdr) *header = (const void *)mapping.bytes;
	const ElfW(Shdr) *section =
	        records(&mapping, header->e_shoff, header->e_shnum, sizeof(*section));
	for (int i = 0; section && i < header->e_shnum && !defines; i++)
		if (section[i].sh_type == SHT_DYNSYM && section[i].sh_link < header->e_shnum)
			defines = table_defines(&mapping, &section[i], &section[section[i].sh_link],
			                        symbol);
	munmap((void *)mapping.bytes, mapping.size);
	return defines;
}
