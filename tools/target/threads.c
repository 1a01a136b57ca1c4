/* SPDX-License-Identifier: MIT */
#include "tools/target/threads.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/text.h"

static void read_name(struct thread_row *row, pid_t pid)
{
	char path[64];
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%llu/comm", pid, (unsigned long long)row->tid);
	file = fopen(path, "re");
	if (!file)
		return;
	/* The name may have line feeds of its own. */
	length = fread(row->name, 1, sizeof(row->name) - 1, file);
	while (length && row->name[length - 1] == '\n')
		length--;
	row->name[length] = '\0';
	text__flatten(row->name);
	fclose(file);
}

static void fill_row(struct thread_row *row, const struct ledger_thread *thread,
                     const uint64_t *class_size)
{
	struct figures_total total;

	figures__total(&total, thread->figures, class_size);
	row->tid = thread->tid;
	row->start_ns = thread->start_ns;
	row->mallocs = total.sum.mallocs;
	row->frees = total.sum.frees;
	row->bytes = total.bytes;
	row->cold = total.cold;
	row->refills = total.sum.refills;
	row->sample_bytes = thread->sample_bytes;
}

/* Room for `count` rows, zeroed; NULL when out of memory. */
static struct thread_row *make_rows(struct thread_table *table, size_t count)
{
	free(table->rows);
	table->count = 0;
	table->rows = calloc(count + 1, sizeof(*table->rows));
	return table->rows;
}

int threads__take(struct thread_table *table, const struct ledger *ledger,
                  const uint64_t *class_size, pid_t pid)
{
	if (!make_rows(table, ledger->count))
		return -ENOMEM;
	for (size_t i = 0; i < ledger->count; i++) {
		fill_row(&table->rows[i], &ledger->threads[i], class_size);
		read_name(&table->rows[i], pid);
	}
	table->count = ledger->count;
	return 0;
}

static int by_thread(const void *a, const void *b)
{
	const struct thread_row *left = a, *right = b;

	if (left->tid != right->tid)
		return left->tid < right->tid ? -1 : 1;
	if (left->start_ns != right->start_ns)
		return left->start_ns < right->start_ns ? -1 : 1;
	return 0;
}

/* Counters read half-way through an operation may seem to run backwards. */
static uint64_t since(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static void subtract_row(struct thread_row *row, const struct thread_row *before)
{
	row->mallocs = since(row->mallocs, before->mallocs);
	row->frees = since(row->frees, before->frees);
	row->bytes = since(row->bytes, before->bytes);
	row->cold = since(row->cold, before->cold);
	row->refills = since(row->refills, before->refills);
}

int threads__subtract(struct thread_table *difference, const struct thread_table *now,
                      const struct thread_table *before)
{
	struct thread_row *sorted = calloc(before->count + 1, sizeof(*sorted));

	if (!sorted || !make_rows(difference, now->count)) {
		free(sorted);
		return -ENOMEM;
	}
	if (before->count) {
		memcpy(sorted, before->rows, before->count * sizeof(*sorted));
		qsort(sorted, before->count, sizeof(*sorted), by_thread);
	}
	for (size_t i = 0; i < now->count; i++) {
		const struct thread_row *old;

		difference->rows[i] = now->rows[i];
		old = bsearch(&now->rows[i], sorted, before->count, sizeof(*sorted), by_thread);
		if (old)
			subtract_row(&difference->rows[i], old);
	}
	difference->count = now->count;
	free(sorted);
	return 0;
}

int threads__copy(struct thread_table *to, const struct thread_table *from)
{
	if (!make_rows(to, from->count))
		return -ENOMEM;
	if (from->count)
		memcpy(to->rows, from->rows, from->count * sizeof(*to->rows));
	to->count = from->count;
	return 0;
}

void threads__clear(struct thread_table *table)
{
	free(table->rows);
	memset(table, 0, sizeof(*table));
}
