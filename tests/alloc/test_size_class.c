/* SPDX-License-Identifier: MIT */
/* Size classes: every request has the smallest that holds it, every slot its class. */
#include "alloc/alloc.h"
#include "tests/alloc/support.h"
#include "tests/harness.h"

/* Every size 0 .. 1 MiB: the class is large enough, the smallest that is, and wastes little. */
TEST(class_of_every_size)
{
	support_init();
	size_t bad = 0;
	for (size_t n = 0; n <= 1 << 20; n++) {
		unsigned c = size_class_of(n);
		if (n > MEDIUM_MAX) {
			bad += c != 0;
			continue;
		}
		size_t size = size_class_size(c);
		bad += c == 0 || size < n || size % ALIGN_MIN != 0;
		bad += c > 1 && size_class_size(c - 1) >= n;
		bad += n > 128 && (size - n) * 8 > size; /* at most 12.5 % */
		bad += n <= 128 && size - n >= 16 && n > 0;
	}
	CHECK(bad == 0);
}

/* The hot path's arithmetic gives the same class. */
TEST(slot_of_every_size)
{
	support_init();
	size_t bad = 0;
	for (size_t n = 1; n <= 1 << 20; n++)
		bad += alloc_slot(n) != size_class_of(n) * sizeof(struct hak_slot);
	CHECK(bad == 0);
	CHECK(alloc_slot(0) == 0);
	CHECK(alloc_slot(SIZE_MAX) == 0);
}

/* Spans: at least 8 blocks or the longest span, little waste at the end, blocks aligned as they
 * imply. */
TEST(spans_of_every_class)
{
	support_init();
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++) {
		const struct size_class *class = &size_classes[c];
		size_t bytes = (size_t) class->span_granules * GRANULE_SIZE;
		CHECK(class->span_blocks == bytes / class->size);
		CHECK(class->span_blocks >= 8);
		CHECK((bytes - class->span_blocks * class->size) * 8 <= bytes);
		CHECK(class->colours >= 1);
		size_t natural = class->size & -class->size;
		CHECK(class->colour_step % (natural > 1024 ? 1 : natural) == 0);
		CHECK(class->colours == 1 || class->colour_step % 64 == 0);
		CHECK(class->cells_max >= 2 && class->cells_max <= MAGAZINE_CELLS_MAX);
	}
}

/* The index is exact at every offset, and so is what is said to be a boundary. */
TEST(reciprocals_are_exact)
{
	support_init();
	size_t bad = 0;
	for (unsigned c = 1; c < HAK_CLASS_COUNT; c++) {
		const struct size_class *class = &size_classes[c];
		uint64_t bytes = (uint64_t) class->span_granules * GRANULE_SIZE;
		for (uint64_t offset = 0; offset < bytes; offset++) {
			bool boundary;
			uint64_t i = size_class_index(class->reciprocal, offset, &boundary);
			bad += i != offset / class->size || boundary != (offset % class->size == 0);
		}
	}
	CHECK(bad == 0);
}

TEST(aligned_requests)
{
	support_init();
	for (size_t align = 16; align <= PAGE_SIZE; align *= 2) {
		for (size_t n = 1; n <= MEDIUM_MAX; n += 97) {
			size_t size = size_class_aligned(n, align);
			REQUIRE(size >= n && size % align == 0);
			CHECK(size_class_size(size_class_of(size)) == size);
		}
	}
	CHECK(size_class_aligned(1, 2 * PAGE_SIZE) == 0);
	CHECK(size_class_aligned(MEDIUM_MAX + 1, 64) == 0);
}
