/* SPDX-License-Identifier: MIT */
#include "tools/attach/selftest.h"

#include <link.h>
#include <stddef.h>

extern const char selftest_begin_site[], selftest_end_site[];

/* docs/probes.md: a 1-byte nop, then a 10-byte one; the first argument in rdi. */
#define SITE(name)                                 \
	".globl " name "\n.hidden " name "\n" name \
	": nop\n.byte 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0\n"

__attribute__((noinline)) void selftest__begin(uint64_t value)
{
	__asm__ volatile(SITE("selftest_begin_site") : : "D"(value) : "memory");
}

__attribute__((noinline)) void selftest__end(uint64_t value)
{
	__asm__ volatile(SITE("selftest_end_site") : : "D"(value) : "memory");
}

struct place {
	uint64_t address;
	uint64_t offset;
};

/* The first object is the program itself. */
static int find_offset(struct dl_phdr_info *info, size_t size, void *argument)
{
	struct place *place = argument;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uint64_t start = info->dlpi_addr + header->p_vaddr;

		if (header->p_type == PT_LOAD && place->address >= start &&
		    place->address < start + header->p_filesz)
			place->offset = place->address - start + header->p_offset;
	}
	return 1;
}

static uint64_t offset_of(const char *site)
{
	struct place place = {(uint64_t)(uintptr_t)site, 0};

	dl_iterate_phdr(find_offset, &place);
	return place.offset;
}

uint64_t selftest__begin_offset(void)
{
	return offset_of(selftest_begin_site);
}

uint64_t selftest__end_offset(void)
{
	return offset_of(selftest_end_site);
}
