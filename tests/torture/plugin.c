/* SPDX-License-Identifier: MIT */
/* Loaded and unloaded again and again: allocates in its constructor, and has a thread_local. */
#include <stdlib.h>
#include <string.h>

static char *made;
static __thread char *of_thread;

__attribute__((constructor)) static void begin(void)
{
	made = malloc(1000);
	if (made)
		memset(made, 0x77, 1000);
}

__attribute__((destructor)) static void end(void)
{
	free(made);
}

/* Whether all is as it was left. */
int plugin_use(unsigned n);
int plugin_use(unsigned n)
{
	of_thread = calloc(1, n + 1);
	int good = made && of_thread && made[0] == 0x77 && made[999] == 0x77 && of_thread[n] == 0;
	free(of_thread);
	return good;
}
