/* SPDX-License-Identifier: MIT */
/* Numbers for people: three significant digits and a unit. */
#ifndef HAK_UNITS_H
#define HAK_UNITS_H

struct unit_text {
	char text[40];
};

struct unit_text units__count(double value);   /* "1.23 M", "12", "0.4" */
struct unit_text units__bytes(double value);   /* "1.23 MiB"; negative values too */
struct unit_text units__percent(double share); /* 0.123 → "12.3 %"; "-" for NaN */
struct unit_text units__seconds(double value); /* "12.3 s", "3 min 5 s", "2 h 3 min", "4 d 5 h" */

#endif
