/* SPDX-License-Identifier: MIT */
/*
 * Loads a plugin that is linked with libhakmem, so that its malloc is libhakmem's, and unloads it
 * while its blocks and a thread that has used it are there.
 */
#include <pthread.h>

#include "check.h"

static void *(*block_of)(size_t);
static pthread_barrier_t unloaded;

static void *use(void *unused)
{
	char *p = block_of(100);
	CHECK(p != NULL);
	pthread_barrier_wait(&unloaded);
	pthread_barrier_wait(&unloaded);
	memset(p, 1, 100);
	return unused; /* its end is libhakmem's business */
}

int main(int argc, char **argv)
{
	pthread_t thread;
	void *plugin = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND) : NULL;
	if (!plugin) {
		fprintf(stderr, "%s\n", dlerror());
		return 2;
	}
	*(void **)&block_of = dlsym(plugin, "plugin_block");
	pthread_barrier_init(&unloaded, NULL, 2);
	CHECK(!pthread_create(&thread, NULL, use, NULL));
	pthread_barrier_wait(&unloaded);
	CHECK(!dlclose(plugin));
	pthread_barrier_wait(&unloaded);
	CHECK(!pthread_join(thread, NULL));
	return checks_result();
}
