/* SPDX-License-Identifier: MIT */
#include "tools/base/units.h"

#include <math.h>
#include <stdio.h>

/* Three significant digits, whole numbers below 1000 when `value` is one. */
static struct unit_text scaled(double value, const char *unit)
{
	double size = fabs(value);
	int digits = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
	struct unit_text result;

	if (!*unit && size < 1000 && value == floor(value))
		digits = 0;
	snprintf(result.text, sizeof(result.text), "%.*f%s%s", digits, value, *unit ? " " : "",
	         unit);
	return result;
}

struct unit_text units__count(double value)
{
	static const char *const units[] = {"", "k", "M", "G", "T", "P"};
	int i = 0;

	while (fabs(value) >= 999.5 && i < 5) {
		value /= 1000;
		i++;
	}
	return scaled(value, units[i]);
}

struct unit_text units__bytes(double value)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	struct unit_text result;
	int i = 0;

	if (fabs(value) < 1024) {
		snprintf(result.text, sizeof(result.text), "%.0f B", value);
		return result;
	}
	while (fabs(value) >= 999.5 && i < 5) {
		value /= 1024;
		i++;
	}
	return scaled(value, units[i]);
}

struct unit_text units__percent(double share)
{
	struct unit_text result = {"-"};

	if (!isnan(share))
		snprintf(result.text, sizeof(result.text), "%.*f %%",
		         fabs(share) >= 0.0995 && fabs(share) < 0.995 ? 1 : 2, 100 * share);
	return result;
}

struct unit_text units__seconds(double value)
{
	struct unit_text result;
	long seconds = (long)value;

	if (value < 60)
		snprintf(result.text, sizeof(result.text), "%.1f s", value);
	else if (value < 3600)
		snprintf(result.text, sizeof(result.text), "%ld min %ld s", seconds / 60,
		         seconds % 60);
	else if (value < 86400)
		snprintf(result.text, sizeof(result.text), "%ld h %ld min", seconds / 3600,
		         seconds / 60 % 60);
	else
		snprintf(result.text, sizeof(result.text), "%ld d %ld h", seconds / 86400,
		         seconds / 3600 % 24);
	return result;
}
