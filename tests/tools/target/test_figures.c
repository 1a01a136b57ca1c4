/* SPDX-License-Identifier: MIT */
/* Figures of records: a running thread is brought up to date from its slots. */
#include "tests/harness.h"

#include <string.h>

#include "tools/target/figures.h"

static struct figures figures, before, difference;
static struct hak_class_record record;
static struct hak_slot slot;

static void clear(void)
{
	memset(&figures, 0, sizeof(figures));
	memset(&before, 0, sizeof(before));
	memset(&record, 0, sizeof(record));
	memset(&slot, 0, sizeof(slot));
}

TEST(figures_record_without_slot_counts_as_it_stands)
{
	clear();
	record.mallocs = 10;
	record.frees = 4;
	record.granted = 99; /* means nothing without a slot */
	record.mark = 7;
	figures__add_class(&figures, 3, &record, NULL);
	CHECK(figures.classes[3].mallocs == 10);
	CHECK(figures.classes[3].frees == 4);
}

TEST(figures_slot_brings_running_thread_up_to_date)
{
	/* 100 granted of a depth of 120; 30 mallocs and 12 frees since. */
	clear();
	record.mallocs = 1000;
	record.frees = 900;
	record.granted = 100;
	record.mark = 120;
	slot.base = 0x10000;
	slot.credit = 70;
	slot.top = slot.base + 8 * (120 - 30 + 12);
	figures__add_class(&figures, 5, &record, &slot);
	CHECK(figures.classes[5].mallocs == 1030);
	CHECK(figures.classes[5].frees == 912);
}

TEST(figures_credit_below_zero_is_spent_credit)
{
	/* The malloc that found no credit is counted by its cold visit, not by the slot. */
	clear();
	record.granted = 8;
	record.mark = 8;
	slot.base = slot.top = 0x10000;
	slot.credit = -1;
	figures__add_class(&figures, 1, &record, &slot);
	CHECK(figures.classes[1].mallocs == 8);
	CHECK(figures.classes[1].frees == 0);
}

TEST(figures_subtract_never_goes_below_zero)
{
	clear();
	figures.classes[2].mallocs = 5;
	before.classes[2].mallocs = 3;
	figures.classes[2].frees = 1;
	before.classes[2].frees = 2; /* a slot read half-way through a free */
	figures.large_bytes = 100;
	before.large_bytes = 40;
	figures__subtract(&difference, &figures, &before);
	CHECK(difference.classes[2].mallocs == 2);
	CHECK(difference.classes[2].frees == 0);
	CHECK(difference.large_bytes == 60);
}

TEST(figures_magazine_is_what_other_routes_leave)
{
	clear();
	record.mallocs = 100;
	record.route[HAK_ROUTE_PREVIOUS] = 5;
	record.route[HAK_ROUTE_SPAN] = 7;
	CHECK(figures__route(&record, HAK_ROUTE_MAGAZINE) == 88);
	CHECK(figures__route(&record, HAK_ROUTE_SPAN) == 7);
	record.mallocs = 10; /* read half-way */
	CHECK(figures__route(&record, HAK_ROUTE_MAGAZINE) == 0);
}

TEST(figures_total_weighs_classes_by_size)
{
	uint64_t size[HAK_CLASS_COUNT] = {0, 16, 32};
	struct figures_total total;

	clear();
	figures.classes[1].mallocs = 10;
	figures.classes[1].frees = 4;
	figures.classes[2].mallocs = 3;
	figures.classes[2].cold_mallocs = 2;
	figures.classes[2].cold_frees = 1;
	figures.classes[0].mallocs = 1; /* large: its bytes are counted apart */
	figures.large_bytes = 100000;
	figures.large_freed = 30000;
	figures__total(&total, &figures, size);
	CHECK(total.sum.mallocs == 14);
	CHECK(total.cold == 3);
	CHECK(total.bytes == 10 * 16 + 3 * 32 + 100000);
	CHECK(total.small_in_use == 6 * 16 + 3 * 32);
	CHECK(total.large_in_use == 70000);
}

TEST(figures_every_route_has_a_name)
{
	for (int i = 0; i < HAK_ROUTE_COUNT; i++)
		CHECK(figures__route_name(i) && *figures__route_name(i));
	CHECK(!strcmp(figures__route_name(HAK_ROUTE_MAGAZINE), "magazine"));
	CHECK(!strcmp(figures__route_name(HAK_ROUTE_LIBC), "libc"));
}

/* Of a process that has made its records up: sums without meaning, and nothing worse. */
TEST(figures_may_be_absurd)
{
	struct hak_class_record wild;
	struct hak_slot wild_slot;
	static struct figures sums;
	static uint64_t class_size[HAK_CLASS_COUNT];
	struct figures_total total;

	memset(&wild, 0x80, sizeof(wild));
	memset(&wild_slot, 0x7f, sizeof(wild_slot));
	memset(&sums, 0, sizeof(sums));
	memset(class_size, 0xff, sizeof(class_size));
	for (unsigned i = 0; i < HAK_CLASS_COUNT; i++)
		figures__add_class(&sums, i, &wild, &wild_slot);
	figures__total(&total, &sums, class_size);
	CHECK(total.bytes == total.bytes);
}
