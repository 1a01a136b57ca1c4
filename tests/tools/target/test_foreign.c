/* SPDX-License-Identifier: MIT */
/* Opening what others name, and copies of ELF files, on files of a directory of our own. */
#include "tests/harness.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/target/foreign.h"
#include "tools/target/image.h"

static char directory[64];
static char path[128];

static const char *file(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void make_directory(void)
{
	snprintf(directory, sizeof(directory), "/tmp/hakmem-foreign-XXXXXX");
	REQUIRE(mkdtemp(directory) != NULL);
}

static void write_file(const char *name, const void *data, size_t bytes)
{
	FILE *out = fopen(file(name), "w");

	REQUIRE(out != NULL);
	CHECK(fwrite(data, 1, bytes, out) == bytes);
	fclose(out);
}

static void remove_directory(void)
{
	static const char *const names[] = {"plain", "fifo", "link", "elf"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(file(names[i]));
	rmdir(directory);
}

TEST(foreign_opens_regular_files_alone)
{
	int fd;

	make_directory();
	write_file("plain", "text", 4);
	CHECK(mkfifo(file("fifo"), 0600) == 0);
	CHECK(symlink("plain", file("link")) == 0);
	fd = foreign__open(0, file("plain"), FOREIGN_NO_LINKS);
	CHECK(fd >= 0);
	close(fd);
	fd = foreign__open(getpid(), file("plain"), FOREIGN_NO_LINKS);
	CHECK(fd >= 0);
	close(fd);
	CHECK(foreign__open(0, file("fifo"), FOREIGN_LINKS) == -EINVAL);
	CHECK(foreign__open(0, directory, FOREIGN_LINKS) == -EINVAL);
	CHECK(foreign__open(0, "/dev/null", FOREIGN_LINKS) == -EINVAL);
	CHECK(foreign__open(0, file("link"), FOREIGN_NO_LINKS) == -ELOOP);
	CHECK(foreign__open(0, file("none"), FOREIGN_NO_LINKS) == -ENOENT);
	CHECK(foreign__open(0x7ffffffe, file("plain"), FOREIGN_NO_LINKS) == -ENOENT);
	CHECK(foreign__open_kept("/proc/self/fd/0") < 0 || !isatty(0));
	fd = foreign__open(0, file("link"), FOREIGN_LINKS);
	CHECK(fd >= 0);
	close(fd);
	remove_directory();
}

/* A thousand swaps of a file and a FIFO: what is opened is the one or refused, and nothing waits.
 */
TEST(foreign_is_not_fooled_by_a_swap)
{
	char other[128];
	struct stat info;

	make_directory();
	write_file("plain", "text", 4);
	CHECK(mkfifo(file("fifo"), 0600) == 0);
	snprintf(other, sizeof(other), "%s", file("fifo"));
	for (int i = 0; i < 1000; i++) {
		int fd;

		CHECK(renameat2(AT_FDCWD, other, AT_FDCWD, file("plain"), RENAME_EXCHANGE) == 0);
		fd = foreign__open(0, file("plain"), FOREIGN_NO_LINKS);
		CHECK(i % 2 ? fd >= 0 : fd == -EINVAL);
		if (fd >= 0) {
			CHECK(fstat(fd, &info) == 0 && S_ISREG(info.st_mode));
			close(fd);
		}
	}
	remove_directory();
}

TEST(foreign_readable_is_what_the_process_could_read)
{
	struct stat info = {.st_uid = 12345, .st_gid = 12345, .st_mode = S_IFREG | 0600};

	CHECK(foreign__is_readable_by(getpid(), &info) == !geteuid());
	info.st_uid = geteuid();
	CHECK(foreign__is_readable_by(getpid(), &info));
	info.st_uid = 12345;
	info.st_mode = S_IFREG | 0644;
	CHECK(foreign__is_readable_by(getpid(), &info));
	CHECK(!foreign__is_readable_by(0x7ffffffe, &info));
}

/* --- copies ---------------------------------------------------------------------------------- */

static struct small {
	Elf64_Ehdr header;
	Elf64_Shdr sections[3];
	char names[32];
	char debug[64];
} small;

/* Headers, names, and a section of debug information. */
static void make_small(void)
{
	static const char names[] = "\0.debug_info\0.names";

	memset(&small, 0, sizeof(small));
	memcpy(small.header.e_ident, ELFMAG, SELFMAG);
	small.header.e_ident[EI_CLASS] = ELFCLASS64;
	small.header.e_ident[EI_DATA] = ELFDATA2LSB;
	small.header.e_ehsize = sizeof(small.header);
	small.header.e_shentsize = sizeof(*small.sections);
	small.header.e_shoff = offsetof(struct small, sections);
	small.header.e_shnum = 3;
	small.header.e_shstrndx = 2;
	small.sections[1] = (Elf64_Shdr){.sh_name = 1,
	                                 .sh_type = SHT_PROGBITS,
	                                 .sh_offset = offsetof(struct small, debug),
	                                 .sh_size = sizeof(small.debug)};
	small.sections[2] = (Elf64_Shdr){.sh_name = 13,
	                                 .sh_type = SHT_STRTAB,
	                                 .sh_offset = offsetof(struct small, names),
	                                 .sh_size = sizeof(names)};
	memcpy(small.names, names, sizeof(names));
	memset(small.debug, 'd', sizeof(small.debug));
}

static int copy(size_t limit)
{
	size_t bytes;
	int fd, result;

	write_file("elf", &small, sizeof(small));
	fd = open(file("elf"), O_RDONLY | O_CLOEXEC);
	result = image__copy(fd, IMAGE_ALL, limit, &bytes);
	close(fd);
	return result;
}

TEST(image_is_a_copy_that_nobody_can_change)
{
	struct small read;
	int fd;

	make_directory();
	make_small();
	fd = copy(1 << 20);
	REQUIRE(fd >= 0);
	CHECK(truncate(file("elf"), 0) == 0);
	CHECK(pread(fd, &read, sizeof(read), 0) == sizeof(read));
	CHECK(!memcmp(read.debug, small.debug, sizeof(read.debug)));
	CHECK(ftruncate(fd, 0) < 0 && errno == EPERM);
	CHECK(pwrite(fd, "x", 1, 0) < 0);
	close(fd);
	remove_directory();
}

TEST(image_without_room_for_debug_information_has_none)
{
	struct small read;
	int fd;

	make_directory();
	make_small();
	fd = copy(sizeof(small.names) + 16);
	REQUIRE(fd >= 0);
	CHECK(pread(fd, &read, sizeof(read), 0) == sizeof(read));
	CHECK(read.sections[1].sh_type == SHT_NULL && !read.debug[0]);
	close(fd);
	/* A gigabyte in 64 bytes. */
	small.sections[1].sh_flags = SHF_COMPRESSED;
	*(Elf64_Chdr *)small.debug = (Elf64_Chdr){ELFCOMPRESS_ZLIB, 0, 1 << 30, 1};
	fd = copy(1 << 20);
	REQUIRE(fd >= 0);
	CHECK(pread(fd, &read, sizeof(read), 0) == sizeof(read));
	CHECK(read.sections[1].sh_type == SHT_NULL);
	close(fd);
	CHECK(copy(4) == -EFBIG);
	remove_directory();
}

TEST(image_of_a_broken_file_is_refused)
{
	make_directory();
	make_small();
	small.sections[1].sh_size = 1 << 20; /* beyond the end: it has shrunk */
	CHECK(copy(4 << 20) == -EIO);
	make_small();
	small.header.e_shoff = UINT64_MAX - 8;
	CHECK(copy(1 << 20) == -ENOEXEC);
	make_small();
	small.header.e_shnum = 0; /* counted elsewhere */
	CHECK(copy(1 << 20) == -ENOEXEC);
	make_small();
	small.header.e_shstrndx = 77;
	CHECK(copy(1 << 20) == -ENOEXEC);
	make_small();
	small.header.e_ident[EI_CLASS] = ELFCLASS32;
	CHECK(copy(1 << 20) == -ENOEXEC);
	remove_directory();
}
