/* SPDX-License-Identifier: MIT */
/* Numbers as people read them. */
#include "tests/harness.h"

#include <math.h>
#include <string.h>

#include "tools/base/units.h"

#define SAME(unit, expected) CHECK(!strcmp((unit).text, expected))

TEST(units_count_has_three_digits)
{
	SAME(units__count(0), "0");
	SAME(units__count(7), "7");
	SAME(units__count(0.5), "0.50");
	SAME(units__count(999), "999");
	SAME(units__count(999.6), "1.00 k");
	SAME(units__count(1234), "1.23 k");
	SAME(units__count(56789), "56.8 k");
	SAME(units__count(999499), "999 k");
	SAME(units__count(999500), "1.00 M");
	SAME(units__count(1.5e9), "1.50 G");
}

TEST(units_bytes_are_binary)
{
	SAME(units__bytes(0), "0 B");
	SAME(units__bytes(1023), "1023 B");
	SAME(units__bytes(1024), "1.00 KiB");
	SAME(units__bytes(524288), "512 KiB");
	SAME(units__bytes(1047527424.0), "999 MiB");
	SAME(units__bytes(1073741824.0), "1.00 GiB");
	SAME(units__bytes(-2048), "-2.00 KiB");
}

TEST(units_percent_and_seconds)
{
	SAME(units__percent(0.123), "12.3 %");
	SAME(units__percent(0.0012), "0.12 %");
	SAME(units__percent(1), "100.00 %");
	SAME(units__percent(NAN), "-");
	SAME(units__seconds(12.34), "12.3 s");
	SAME(units__seconds(185), "3 min 5 s");
	SAME(units__seconds(7380), "2 h 3 min");
	SAME(units__seconds(4 * 86400 + 5 * 3600), "4 d 5 h");
}
