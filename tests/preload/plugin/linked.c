/* SPDX-License-Identifier: MIT */
/* A plugin that is linked with libhakmem: it comes with it, and should go without it. */
#include <stdlib.h>

void *plugin_block(size_t n);
void *plugin_block(size_t n)
{
	return malloc(n);
}
