/* SPDX-License-Identifier: MIT */
/* The threads of a target, one row each: cumulative at a reading, or the difference of two. */
#ifndef HAK_THREADS_H
#define HAK_THREADS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/target/ledger.h"

struct thread_row {
	uint64_t tid; /* with start_ns it names the thread */
	uint64_t start_ns;
	char name[16]; /* as the kernel shows it; "" when it has ended */
	uint64_t mallocs;
	uint64_t frees;
	uint64_t bytes; /* of blocks handed out; class 0 included */
	uint64_t cold;
	uint64_t refills;
	uint64_t sample_bytes; /* mean sampling distance now; 0 not sampling */
};

struct thread_table {
	struct thread_row *rows;
	size_t count;
};

/* All live threads of the ledger; replaces what the table had. 0 or -ENOMEM. */
int threads__take(struct thread_table *table, const struct ledger *ledger,
                  const uint64_t *class_size, pid_t pid);

/* What each thread of `now` has done since `before`. 0 or -ENOMEM. */
int threads__subtract(struct thread_table *difference, const struct thread_table *now,
                      const struct thread_table *before);

/* 0 or -ENOMEM. */
int threads__copy(struct thread_table *to, const struct thread_table *from);

/* Frees the rows. */
void threads__clear(struct thread_table *table);

#endif
