/* SPDX-License-Identifier: MIT */
/* Loaded with RTLD_DEEPBIND: its malloc and free are libc's, whatever was preloaded. */
#include <stdlib.h>
#include <string.h>

char *plugin_make(const char *text)
{
	return strcpy(malloc(strlen(text) + 1), text);
}

void plugin_free(void *block)
{
	free(block);
}

void *plugin_malloc(void)
{
	return (void *)malloc;
}
