/* SPDX-License-Identifier: MIT */
#include "tools/symbols/shared_debug.h"

#include <elf.h>
#include <elfutils/libdwelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/symbols/debug_file.h"
#include "tools/target/image.h"

struct shared_debug {
	int fd; /* of a copy; -1 none */
	Elf *elf;
	Dwarf *dwarf;
	void *nothing;
};

/* An ELF file that libdw takes for one with debug information, although there is none in it. */
struct nothing {
	Elf64_Ehdr header;
	Elf64_Shdr sections[3];
	char names[24];
	uint64_t frames; /* the end of a list */
};

static void *make_nothing(void)
{
	static const char names[] = "\0.debug_frame\0.names";
	struct nothing *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	memcpy(n->header.e_ident, ELFMAG, SELFMAG);
	n->header.e_ident[EI_CLASS] = ELFCLASS64;
	n->header.e_ident[EI_DATA] = ELFDATA2LSB;
	n->header.e_ident[EI_VERSION] = EV_CURRENT;
	n->header.e_type = ET_DYN;
	n->header.e_machine = EM_X86_64;
	n->header.e_version = EV_CURRENT;
	n->header.e_ehsize = sizeof(n->header);
	n->header.e_shentsize = sizeof(*n->sections);
	n->header.e_shoff = offsetof(struct nothing, sections);
	n->header.e_shnum = 3;
	n->header.e_shstrndx = 2;
	n->sections[1] = (Elf64_Shdr){.sh_name = 1,
	                              .sh_type = SHT_PROGBITS,
	                              .sh_offset = offsetof(struct nothing, frames),
	                              .sh_size = sizeof(n->frames)};
	n->sections[2] = (Elf64_Shdr){.sh_name = 14,
	                              .sh_type = SHT_STRTAB,
	                              .sh_offset = offsetof(struct nothing, names),
	                              .sh_size = sizeof(names)};
	memcpy(n->names, names, sizeof(names));
	return n;
}

static void begin(struct shared_debug *shared, Elf *elf)
{
	shared->elf = elf;
	shared->dwarf = elf ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
}

static void open_file(struct shared_debug *shared, pid_t pid, const char *name,
                      const unsigned char *build_id, size_t length)
{
	int fd = debug_file__open_shared(pid, name, build_id, length);
	size_t bytes;

	if (fd < 0)
		return;
	shared->fd = image__copy(fd, IMAGE_ALL, IMAGE_BYTES_MAX / 2, &bytes);
	close(fd);
	if (shared->fd >= 0)
		begin(shared, elf_begin(shared->fd, ELF_C_READ_MMAP, NULL));
}

int shared_debug__join(Dwarf *dwarf, pid_t pid, struct shared_debug **result)
{
	struct shared_debug *shared;
	const char *name = NULL;
	const void *build_id = NULL;
	ssize_t length = dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &build_id);

	*result = NULL;
	if (length <= 0)
		return 0;
	shared = calloc(1, sizeof(*shared));
	if (!shared)
		return -1;
	shared->fd = -1;
	*result = shared;
	open_file(shared, pid, name, build_id, (size_t)length);
	if (!shared->dwarf) {
		elf_end(shared->elf);
		shared->nothing = make_nothing();
		begin(shared,
		      shared->nothing ? elf_memory(shared->nothing, sizeof(struct nothing)) : NULL);
	}
	if (!shared->dwarf)
		return -1;
	dwarf_setalt(dwarf, shared->dwarf);
	return 0;
}

void shared_debug__free(struct shared_debug *shared)
{
	if (!shared)
		return;
	dwarf_end(shared->dwarf);
	elf_end(shared->elf);
	if (shared->fd >= 0)
		close(shared->fd);
	free(shared->nothing);
	free(shared);
}
