/* SPDX-License-Identifier: MIT */
/* A flame graph's leaf is what the program called. */
#include "tests/harness.h"

#include <string.h>

#include "tools/profile/flame.h"

TEST(flame_entry_is_named_after_its_cold_path)
{
	char name[64];

	CHECK(!strcmp(flame__entry_name("alloc_malloc_cold", name, sizeof(name)), "malloc"));
	CHECK(!strcmp(flame__entry_name("alloc_posix_memalign_cold", name, sizeof(name)),
	              "posix_memalign"));
	CHECK(!strcmp(flame__entry_name("calloc.cold", name, sizeof(name)), "calloc.cold"));
	CHECK(!strcmp(flame__entry_name("new_cold", name, sizeof(name)), "operator new"));
	CHECK(!strcmp(flame__entry_name("span_take", name, sizeof(name)), "span_take"));
	CHECK(!strcmp(flame__entry_name("alloc_move", name, sizeof(name)), "realloc"));
	CHECK(!strcmp(flame__entry_name("malloc", name, sizeof(name)), "malloc"));
}

TEST(flame_leaf_is_the_outermost_frame_of_the_allocator)
{
	struct target target = {.text_start = 0x1000, .text_end = 0x2000};
	const uint64_t usual[] = {0x1100, 0x1200, 0x1300, 0x5000};
	const uint64_t border[] = {0x1100, 0x2000,
	                           0x5000}; /* a call that is the text's last instruction */
	const uint64_t outside[] = {0x5000, 0x1100};

	CHECK(flame__inner_frames(&target, usual, 4) == 2);
	CHECK(flame__inner_frames(&target, border, 3) == 1);
	CHECK(flame__inner_frames(&target, outside, 2) == 0);
	CHECK(flame__inner_frames(&target, usual, 3) == 2);
}
