/* SPDX-License-Identifier: MIT */
#include "tools/target/image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

enum {
	SECTIONS_MAX = 1 << 16, /* what a header can count; more are in no file that runs */
	SEGMENTS_MAX = 1 << 12,
	NAMES_MAX = 16 << 20,
	PIECE = 1 << 16,
};

struct copier {
	int from, to;
	uint64_t size; /* of the file */
	size_t limit, bytes;
	Elf64_Ehdr header;
	Elf64_Shdr *sections;
	size_t section_count;
	char *names; /* of sections, a zero behind */
	size_t names_size;
};

/* --- reading --------------------------------------------------------------------------------- */

static int read_at(int fd, void *buffer, size_t bytes, uint64_t at)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t got = pread(fd, (char *)buffer + done, bytes - done, (off_t)(at + done));

		if (got < 0 && errno != EINTR)
			return -errno;
		if (!got) /* shorter than it was a moment ago */
			return -EIO;
		done += got > 0 ? (size_t)got : 0;
	}
	return 0;
}

static bool is_within(const struct copier *c, uint64_t at, uint64_t bytes)
{
	return at <= c->size && bytes <= c->size - at;
}

/* Into a buffer of its own, which the caller frees; *buffer is NULL on failure. */
static int read_piece(const struct copier *c, uint64_t at, size_t bytes, void **buffer)
{
	int err;

	*buffer = NULL;
	if (!is_within(c, at, bytes))
		return -ENOEXEC;
	*buffer = malloc(bytes + 1);
	if (!*buffer)
		return -ENOMEM;
	err = read_at(c->from, *buffer, bytes, at);
	if (err) {
		free(*buffer);
		*buffer = NULL;
	}
	return err;
}

static int read_header(struct copier *c)
{
	const Elf64_Ehdr *header = &c->header;
	struct stat info;
	int err;

	if (fstat(c->from, &info))
		return -errno;
	c->size = (uint64_t)info.st_size;
	if (!S_ISREG(info.st_mode) || c->size < sizeof(*header))
		return -ENOEXEC;
	err = read_at(c->from, &c->header, sizeof(*header), 0);
	if (err)
		return err;
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
	    header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
	    header->e_ehsize != sizeof(*header) || header->e_phnum > SEGMENTS_MAX ||
	    (header->e_phnum && header->e_phentsize != sizeof(Elf64_Phdr)) ||
	    (header->e_shnum && header->e_shentsize != sizeof(Elf64_Shdr)))
		return -ENOEXEC;
	return 0;
}

/* Without a table of sections there is none to read; one of more than the header can count is
 * taken for broken. */
static int read_sections(struct copier *c)
{
	const Elf64_Ehdr *header = &c->header;
	void *table, *names;
	int err;

	if (!header->e_shoff || !header->e_shnum)
		return header->e_shoff ? -ENOEXEC : 0;
	err = read_piece(c, header->e_shoff, header->e_shnum * sizeof(Elf64_Shdr), &table);
	c->sections = table;
	if (err)
		return err;
	c->section_count = header->e_shnum;
	if (header->e_shstrndx >= c->section_count)
		return -ENOEXEC;
	c->names_size = c->sections[header->e_shstrndx].sh_size;
	if (c->names_size > NAMES_MAX)
		return -EFBIG;
	err = read_piece(c, c->sections[header->e_shstrndx].sh_offset, c->names_size, &names);
	c->names = names;
	if (!err)
		c->names[c->names_size] = '\0';
	return err;
}

/* --- what is wanted -------------------------------------------------------------------------- */

static const char *name_of(const struct copier *c, const Elf64_Shdr *section)
{
	return section->sh_name < c->names_size ? c->names + section->sh_name : "";
}

static bool is_debug(const struct copier *c, const Elf64_Shdr *section)
{
	const char *name = name_of(c, section);

	return section->sh_type == SHT_PROGBITS && !(section->sh_flags & SHF_ALLOC) &&
	       (!strncmp(name, ".debug_", 7) || !strncmp(name, ".zdebug_", 8)) &&
	       strcmp(name, ".debug_frame") != 0;
}

/* Compressed symbols of a distribution: how much is in there is not known before, so whose file it
 * is must do. */
static bool is_trusted(const struct copier *c, const Elf64_Shdr *section)
{
	struct stat info;

	return strcmp(name_of(c, section), ".gnu_debugdata") != 0 ||
	       (!fstat(c->from, &info) && !info.st_uid);
}

static bool is_wanted(const struct copier *c, const Elf64_Shdr *section, enum image_parts parts)
{
	switch (section->sh_type) {
	case SHT_NULL:
	case SHT_NOBITS:
		return false;
	case SHT_NOTE:
		return true;
	case SHT_SYMTAB:
	case SHT_DYNSYM:
	case SHT_STRTAB:
	case SHT_DYNAMIC:
		return parts >= IMAGE_SYMBOLS;
	case SHT_PROGBITS:
		if (section->sh_flags & SHF_ALLOC)
			return parts == IMAGE_ALL && !strncmp(name_of(c, section), ".eh_frame", 9);
		return parts == IMAGE_ALL && !is_debug(c, section) && is_trusted(c, section);
	default:
		return parts == IMAGE_ALL && !(section->sh_flags & SHF_EXECINSTR);
	}
}

/* --- copying --------------------------------------------------------------------------------- */

static int copy(struct copier *c, uint64_t at, uint64_t bytes)
{
	char piece[PIECE];
	int err = 0;

	if (!is_within(c, at, bytes))
		return -EIO;
	if (bytes > c->limit - c->bytes)
		return -EFBIG;
	c->bytes += bytes;
	while (bytes && !err) {
		size_t step = bytes < sizeof(piece) ? bytes : sizeof(piece);

		err = read_at(c->from, piece, step, at);
		if (!err && pwrite(c->to, piece, step, (off_t)at) != (ssize_t)step)
			err = errno ? -errno : -EIO;
		at += step;
		bytes -= step;
	}
	return err;
}

/* What a compressed section will take when it is unpacked counts as well: read from the copy, which
 * says the same tomorrow. */
static int count_unpacked(struct copier *c, const Elf64_Shdr *section)
{
	Elf64_Chdr header = {0};
	uint64_t bytes = 0;

	if (section->sh_flags & SHF_COMPRESSED && section->sh_size >= sizeof(header)) {
		if (read_at(c->to, &header, sizeof(header), section->sh_offset))
			return -EIO;
		bytes = header.ch_size;
	} else if (!strncmp(name_of(c, section), ".zdebug", 7) && section->sh_size >= 12) {
		if (read_at(c->to, &bytes, sizeof(bytes), section->sh_offset + 4))
			return -EIO;
		bytes = __builtin_bswap64(bytes);
	}
	if (bytes > c->limit - c->bytes)
		return -EFBIG;
	c->bytes += bytes;
	return 0;
}

static int copy_section(struct copier *c, const Elf64_Shdr *section)
{
	int err = copy(c, section->sh_offset, section->sh_size);

	return err ? err : count_unpacked(c, section);
}

/* The headers as they were read and checked, and not as they may be by now. */
static int write_headers(const struct copier *c)
{
	const Elf64_Ehdr *header = &c->header;
	const size_t bytes = c->section_count * sizeof(*c->sections);

	if (pwrite(c->to, header, sizeof(*header), 0) != sizeof(*header) ||
	    pwrite(c->to, c->sections, bytes, (off_t)header->e_shoff) != (ssize_t)bytes)
		return -EIO;
	return 0;
}

static int copy_headers(struct copier *c)
{
	const Elf64_Ehdr *header = &c->header;
	int err = write_headers(c);

	if (!err && header->e_phnum)
		err = copy(c, header->e_phoff, header->e_phnum * sizeof(Elf64_Phdr));
	if (!err && c->section_count)
		err = copy_section(c, &c->sections[header->e_shstrndx]);
	return err;
}

static uint64_t debug_bytes(const struct copier *c)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < c->section_count; i++) {
		if (is_debug(c, &c->sections[i]) && is_within(c, 0, c->sections[i].sh_size))
			bytes += c->sections[i].sh_size;
	}
	return bytes;
}

/* All of it or nothing: half of it is worse than none. */
static int copy_debug(struct copier *c)
{
	const size_t before = c->bytes;
	int err = debug_bytes(c) > c->limit - before ? -EFBIG : 0;

	for (size_t i = 0; i < c->section_count && !err; i++) {
		if (is_debug(c, &c->sections[i]))
			err = copy_section(c, &c->sections[i]);
	}
	if (err != -EFBIG)
		return err;
	for (size_t i = 0; i < c->section_count; i++) {
		if (is_debug(c, &c->sections[i]))
			c->sections[i].sh_type = SHT_NULL;
	}
	c->bytes = before;
	return write_headers(c);
}

static int copy_parts(struct copier *c, enum image_parts parts)
{
	int err = 0;

	if (ftruncate(c->to, (off_t)c->size))
		return -errno;
	if (!c->section_count) /* what is where is not known */
		return copy(c, 0, c->size);
	err = copy_headers(c);
	for (size_t i = 0; i < c->section_count && !err; i++) {
		if (is_wanted(c, &c->sections[i], parts))
			err = copy_section(c, &c->sections[i]);
	}
	return err || parts != IMAGE_ALL ? err : copy_debug(c);
}

static int make_memory(void)
{
	int fd = memfd_create("hakprobe", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create("hakprobe", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? -errno : fd;
}

int image__copy(int fd, enum image_parts parts, size_t limit, size_t *bytes)
{
	struct copier c = {.from = fd, .to = -1, .limit = limit};
	int err = read_header(&c);

	if (!err)
		err = read_sections(&c);
	if (!err) {
		c.to = make_memory();
		err = c.to < 0 ? c.to : copy_parts(&c, parts);
	}
	if (!err &&
	    fcntl(c.to, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		err = -errno;
	free(c.sections);
	free(c.names);
	*bytes = c.bytes;
	if (err && c.to >= 0)
		close(c.to);
	return err ? err : c.to;
}
