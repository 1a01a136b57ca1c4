/* SPDX-License-Identifier: MIT */
/*
 * deepbind PLUGIN: an extension loaded with RTLD_DEEPBIND allocates with libc, and the program
 * frees that with libhakmem. Run with HAKMEM_BIND_LIBC=0, without which the extension finds
 * libhakmem's malloc (bind.c).
 */
#include <malloc.h>

#include "check.h"

int main(int argc, char **argv)
{
	require_hakmem();
	if (argc != 2)
		return 2;
	void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_DEEPBIND);
	CHECK(plugin);
	if (!plugin)
		return checks_result();
	char *(*plugin_make)(const char *) = (char *(*)(const char *))dlsym(plugin, "plugin_make");
	void (*plugin_free)(void *) = (void (*)(void *))dlsym(plugin, "plugin_free");
	void *(*plugin_malloc)(void) = (void *(*)(void))dlsym(plugin, "plugin_malloc");
	/* The case is only there when the plugin really has another malloc than the program. */
	CHECK(plugin_malloc() != (void *)malloc);
	for (int i = 0; i < 1000; i++) {
		char *text = plugin_make("made by libc");
		CHECK(strcmp(text, "made by libc") == 0 && malloc_usable_size(text) >= 13);
		if (i % 2) {
			text = realloc(text, 5000);
			CHECK(strcmp(text, "made by libc") == 0);
		}
		free(text);
		plugin_free(plugin_make("own"));
	}
	CHECK(dlclose(plugin) == 0);
	free(malloc(10));
	return checks_result();
}
