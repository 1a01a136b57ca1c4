/* SPDX-License-Identifier: MIT */
/* What make SECURE=1 keeps back in each magazine; without it, how many blocks there are is all. */
#include "alloc/alloc.h"
#include "alloc/options.h"
#include "alloc/tcache.h"
#include "tests/alloc/support.h"
#include "tests/harness.h"

#include <pthread.h>
#include <stdlib.h>

enum { SIZE = 200, MOST = 40, TAKEN = 20 };

/* Each block in its class's order before and after every operation; those taken differ. */
static unsigned take_and_give(unsigned class)
{
	void *taken[TAKEN];
	unsigned wrong = 0;
	for (unsigned n = 1; n <= TAKEN; n++) {
		for (unsigned i = 0; i < n; i++) {
			taken[i] = alloc_malloc(SIZE);
			wrong += !taken[i] || address_map_class(taken[i]) != class ||
			         !tcache_is_valid(tcache_self);
			for (unsigned k = 0; k < i; k++)
				wrong += taken[i] == taken[k];
		}
		for (unsigned i = 0; i < n; i++) {
			alloc_free(taken[i]);
			wrong += !tcache_is_valid(tcache_self);
		}
	}
	return wrong;
}

/* The thread's first malloc of a size is a sampled one; then nobody samples any longer. */
static void *begin_with_frees(void *handed)
{
	void **blocks = handed;
	unsigned class = size_class_of_request(SIZE);
	support_sample(true);
	void *sampled = alloc_malloc(SIZE);
	support_sample(false);
	uintptr_t wrong = address_map_class(sampled) != 0;
	for (unsigned i = 0; i < MOST && blocks[i]; i++)
		alloc_free(blocks[i]);
	wrong += take_and_give(class);
	alloc_free(sampled);
	return (void *)wrong;
}

/* They get 1, 2, … blocks of others. They are fresh: nobody's stock waits. */
static void hand_out(void *unused)
{
	(void)unused;
	options.sample_bytes = 1;
	for (unsigned n = 1; n <= MOST; n++) {
		pthread_t thread;
		void *blocks[MOST] = {NULL}, *wrong = NULL;
		for (unsigned i = 0; i < n; i++)
			blocks[i] = alloc_malloc(SIZE);
		tcache_flush_own(tcache_self);
		if (pthread_create(&thread, NULL, begin_with_frees, blocks) ||
		    pthread_join(thread, &wrong) || wrong)
			abort();
	}
}

/* In a child, for other tests want a thread that was not seen yet. */
TEST(stock_that_begins_with_frees)
{
	char text[200];
	support_init();
	if (!HAK_PROBES)
		SKIP("built without probes");
	CHECK(support_in_child(hand_out, NULL, text, sizeof(text)) == 0);
	CHECK(text[0] == 0);
}
