/* SPDX-License-Identifier: MIT */
#include "tools/target/memory_image.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

enum { IMAGE_MAX = 64 << 20 };

/* Mappings of the object that `first` is of, which starts at its offset 0. */
static bool is_part(const struct mapping *first, const struct mapping *mapping)
{
	return mapping->inode == first->inode && mapping->device == first->device &&
	       (mapping == first || first->inode);
}

static size_t extent(const struct maps *maps, const struct mapping *first, uint64_t end)
{
	const struct mapping *behind = maps->list + maps->count;
	uint64_t bytes = 0;

	for (const struct mapping *m = first; m < behind && m->start < end; m++) {
		if (m->offset > IMAGE_MAX || m->end - m->start > IMAGE_MAX)
			return 0;
		if (is_part(first, m) && m->offset + (m->end - m->start) > bytes)
			bytes = m->offset + (m->end - m->start);
	}
	return bytes <= IMAGE_MAX ? bytes : 0;
}

static bool fetch(pid_t pid, const struct mapping *mapping, unsigned char *image)
{
	const size_t bytes = mapping->end - mapping->start;
	struct iovec here = {image + mapping->offset, bytes};
	struct iovec there = {(void *)(uintptr_t)mapping->start, bytes};

	return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)bytes;
}

/* Section headers lie behind what is mapped, mostly. */
static bool tidy_header(unsigned char *image, size_t bytes)
{
	Elf64_Ehdr header;

	if (bytes < sizeof(header))
		return false;
	memcpy(&header, image, sizeof(header));
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB)
		return false;
	if (header.e_shoff > bytes || !header.e_shnum ||
	    header.e_shnum * sizeof(Elf64_Shdr) > bytes - header.e_shoff) {
		header.e_shoff = 0;
		header.e_shnum = header.e_shstrndx = 0;
		memcpy(image, &header, sizeof(header));
	}
	return true;
}

void *memory_image__read(pid_t pid, const struct maps *maps, uint64_t start, uint64_t end,
                         size_t *bytes)
{
	const struct mapping *first = maps__find(maps, start);
	const struct mapping *behind = maps->list + maps->count;
	unsigned char *image;

	*bytes = first && first->start == start && !first->offset ? extent(maps, first, end) : 0;
	image = *bytes ? calloc(1, *bytes) : NULL;
	if (!image)
		return NULL;
	for (const struct mapping *m = first; m < behind && m->start < end; m++) {
		if (is_part(first, m))
			(void)fetch(pid, m, image);
	}
	if (tidy_header(image, *bytes))
		return image;
	free(image);
	return NULL;
}
