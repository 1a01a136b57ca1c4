/* SPDX-License-Identifier: MIT */
/* ELF files tell which symbols they define, and their build-id. */
#include "tests/harness.h"

#include <dlfcn.h>
#include <string.h>

#include "bench/base/elf_file.h"

static const char *object_of(const void *address)
{
	Dl_info info;
	return dladdr(address, &info) ? info.dli_fname : "";
}

TEST(elf_file_tells_definitions_from_uses)
{
	const char *libc = object_of(dlsym(RTLD_DEFAULT, "malloc"));
	CHECK(elf_file_defines(libc, "malloc"));
	CHECK(elf_file_defines(libc, "free"));
	CHECK(!elf_file_defines(libc, "no_such_function"));
	/* This program uses malloc. */
	CHECK(!elf_file_defines("/proc/self/exe", "malloc"));
	CHECK(!elf_file_defines("/proc/self/maps", "malloc"));
	CHECK(!elf_file_defines("/nowhere", "malloc"));
}

TEST(elf_file_reads_build_ids)
{
	char text[BUILD_ID_TEXT];
	CHECK(elf_file_build_id(object_of(dlsym(RTLD_DEFAULT, "malloc")), text));
	CHECK(strlen(text) == 40);
	CHECK(!elf_file_build_id("/proc/self/maps", text));
}
