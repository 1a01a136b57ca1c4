/* SPDX-License-Identifier: MIT */
/* What a thread did meanwhile; a tid may come again. */
#include "tests/harness.h"

#include "tools/target/threads.h"

TEST(threads_difference_is_by_thread_and_start)
{
	struct thread_row was[] = {{.tid = 7, .start_ns = 1, .mallocs = 100, .frees = 50},
	                           {.tid = 8, .start_ns = 2, .mallocs = 10}};
	struct thread_row is[] = {{.tid = 8, .start_ns = 9, .mallocs = 5}, /* the tid again */
	                          {.tid = 7, .start_ns = 1, .mallocs = 130, .frees = 49}};
	struct thread_table before = {was, 2}, now = {is, 2}, difference = {0};

	CHECK(!threads__subtract(&difference, &now, &before));
	CHECK(difference.count == 2);
	CHECK(difference.rows[0].mallocs == 5);
	CHECK(difference.rows[1].mallocs == 30);
	CHECK(difference.rows[1].frees == 0); /* never below zero */
	threads__clear(&difference);
	CHECK(difference.count == 0);
}
