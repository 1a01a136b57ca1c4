/* SPDX-License-Identifier: MIT */
/* The ELF reader, on the program that these tests are in. */
#include "tests/harness.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "tools/target/foreign.h"
#include "tools/target/maps.h"
#include "tools/target/object.h"

/* A note as the allocator leaves it, so that this program is taken for one that contains it. */
__asm__(".pushsection .note.hakmem,\"\",\"note\"\n"
        ".balign 4\n"
        ".4byte 7, 16, 1\n"
        ".asciz \"hakmem\"\n"
        ".balign 4\n"
        ".4byte 42, 4711\n"
        ".8byte 0x123456\n"
        ".popsection\n");

/* Probes: one at two sites, and one whose arguments stand where no function's do. */
#define SITE(name, arguments)                                                                   \
	".pushsection .note.stapsdt,\"\",\"note\"\n.balign 4\n"                                 \
	".4byte 992f-991f, 994f-993f, 3\n991: .asciz \"stapsdt\"\n992: .balign 4\n"             \
	"993: .8byte 0x1000, 0, 0\n.asciz \"hakmem\"\n.asciz \"" name "\"\n.asciz \"" arguments \
	"\"\n994: .balign 4\n.popsection\n"

__asm__(SITE("twice", "8@%rdi 8@%rsi") SITE("twice", "-8@%rdi") SITE("odd", "8@%rdi 8@%rax")
                SITE("odder", "8@-8(%rbp)") SITE("none", ""));

__attribute__((noinline)) static int landmark(int x)
{
	__asm__ volatile("");
	return x + 1;
}

static int read_own(struct object **object)
{
	int fd = foreign__open_kept("/proc/self/exe"), err = object__read(object, fd);

	close(fd);
	return err;
}

TEST(object_note_and_functions_are_found)
{
	const struct object_function *function;
	const struct mapping *mapping;
	struct object *object;
	struct maps maps;
	uint64_t bias = 0;

	REQUIRE(read_own(&object) == 0);
	CHECK(object->has_note);
	CHECK(object->note.version == 42 && object->note.bytes == 4711);
	CHECK(object->note.process == 0x123456);
	CHECK(!object->shared && !object->has_tally);
	REQUIRE(maps__read(&maps, getpid()) == 0);
	mapping = maps__find(&maps, (uintptr_t)landmark);
	REQUIRE(mapping != NULL);
	CHECK(object__bias(object, mapping->start, mapping->offset, &bias) == 0);
	function = object__function(object, (uintptr_t)landmark - bias);
	REQUIRE(function != NULL);
	CHECK(!strcmp(function->name, "landmark") && function->side == SIDE_NONE);
	CHECK(function->start + bias == (uintptr_t)landmark);
	CHECK(object__function(object, function->end - 1) == function);
	CHECK(object__function(object, 1) == NULL);
	CHECK(landmark(1) == 2);
	maps__clear(&maps);
	object__free(object);
}

TEST(object_probes_have_their_sites_where_arguments_are_in_registers)
{
	struct object *object;
	size_t twice = 0;

	REQUIRE(read_own(&object) == 0);
	CHECK(object->probes == 3);
	for (size_t i = 0; i < object->site_count; i++)
		twice += !strcmp(object->sites[i].name, "twice");
	CHECK(twice == 2);
	CHECK(object__site(object, "hakmem", "twice") != NULL);
	CHECK(object__site(object, "hakmem", "none") != NULL);
	CHECK(object__site(object, "hakmem", "odd") == NULL);
	CHECK(object__site(object, "hakmem", "odder") == NULL);
	object__free(object);
}

TEST(object_files_that_are_none_are_refused)
{
	struct object *object;

	CHECK(object__open(&object, "/nonexistent") == -ENOENT);
	CHECK(object__open(&object, "/etc/passwd") == -ENOEXEC);
	CHECK(object == NULL);
	object__free(NULL);
}

TEST(object_sides_by_name)
{
	CHECK(object__side("malloc") == SIDE_MALLOC);
	CHECK(object__side("posix_memalign") == SIDE_MALLOC);
	CHECK(object__side("_ZnwmSt11align_val_t") == SIDE_MALLOC);
	CHECK(object__side("free") == SIDE_FREE);
	CHECK(object__side("_ZdlPvm") == SIDE_FREE);
	CHECK(object__side("malloc_usable_size") == SIDE_OTHER);
	CHECK(object__side("fire_hakmem_tally") == SIDE_PROBE);
	CHECK(object__side("alloc_malloc_cold") == SIDE_NONE);
	CHECK(object__side("tcache_malloc") == SIDE_NONE);
}
