/* SPDX-License-Identifier: MIT */
#include "tools/profile/governor.h"

#include <string.h>

/* The least a part gets, so that it never goes blind and notices when the load falls. */
static const double least[GOVERNOR_PARTS] = {
        [GOVERN_TICKS] = 1.0 / 256,
        [GOVERN_STACKS] = 1.0 / 1024,
        [GOVERN_LATENCY] = 1.0 / 4096,
};

void governor__init(struct governor *governor, double ceiling)
{
	memset(governor, 0, sizeof(*governor));
	governor->ceiling = governor->budget = ceiling;
	for (int i = 0; i < GOVERNOR_PARTS; i++)
		governor->rate[i] = 1;
	/* Its cost is not known before it is tried, and at full speed it may be most of a core. */
	governor->rate[GOVERN_LATENCY] = 1.0 / 256;
}

/* More is believed at once, less by half: a budget is missed on the safe side. */
static void estimate(struct governor *governor, int part, double spent, double ran)
{
	double whole;

	if (ran <= 0)
		return;
	whole = spent / ran;
	if (whole >= governor->whole[part])
		governor->whole[part] = whole;
	else
		governor->whole[part] = (governor->whole[part] + whole) / 2;
}

/* Gives each part its wish or an equal share of what is left, whichever is less. */
static void share_out(const double wish[GOVERNOR_PARTS], double left, double gives[GOVERNOR_PARTS])
{
	bool served[GOVERNOR_PARTS] = {false};
	int open = GOVERNOR_PARTS;

	for (bool again = true; again && open;) {
		double share = left > 0 ? left / open : 0;

		again = false;
		for (int i = 0; i < GOVERNOR_PARTS; i++) {
			if (served[i])
				continue;
			gives[i] = share;
			if (wish[i] > share)
				continue;
			gives[i] = wish[i];
			left -= wish[i];
			served[i] = again = true;
			open--;
		}
	}
}

void governor__update(struct governor *governor, double busy, double fixed,
                      const double spent[GOVERNOR_PARTS], const double ran[GOVERNOR_PARTS])
{
	double gives[GOVERNOR_PARTS] = {0};

	governor->budget = governor->ceiling * (busy > 1 ? busy : 1);
	governor->used = fixed;
	for (int i = 0; i < GOVERNOR_PARTS; i++) {
		governor->used += spent[i];
		estimate(governor, i, spent[i], ran ? ran[i] : governor->rate[i]);
	}
	share_out(governor->whole, governor->budget - fixed, gives);
	for (int i = 0; i < GOVERNOR_PARTS; i++) {
		double rate = governor->whole[i] > 0 ? gives[i] / governor->whole[i] : 1;

		governor->rate[i] = rate > 1 ? 1 : rate < least[i] ? least[i] : rate;
	}
}

bool governor__is_limiting(const struct governor *governor)
{
	for (int i = 0; i < GOVERNOR_PARTS; i++) {
		if (governor->rate[i] < 1 && governor->whole[i] > 0)
			return true;
	}
	return false;
}
