/* SPDX-License-Identifier: MIT */
#include "tools/base/offline.h"

#include <stddef.h>

static const char name[] = "DEBUGINFOD_URLS=";
static char *hidden; /* what stands in the environment; NULL none */

/* Runs before the initialisers of libraries: no function of theirs may be called. */
static void hide(int argc, char **argv, char **environment)
{
	(void)argc, (void)argv;
	for (; *environment; environment++) {
		size_t same = 0;

		while (name[same] && (*environment)[same] == name[same])
			same++;
		if (!name[same]) {
			hidden = *environment;
			hidden[0] = '_';
			return;
		}
	}
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(int, char **,
                                                                            char **) = hide;

void offline__restore(void)
{
	if (hidden)
		hidden[0] = name[0];
	hidden = NULL;
}
