/* SPDX-License-Identifier: MIT */
/* Loads the plugin that EARLY_PLUGIN names from a constructor: before the program, and before
 * libhakmem's. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

__attribute__((constructor)) static void load(void)
{
	const char *path = getenv("EARLY_PLUGIN");
	void *plugin = path ? dlopen(path, RTLD_NOW | RTLD_DEEPBIND) : NULL;
	if (path && !plugin)
		abort();
}
