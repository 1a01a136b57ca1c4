/* SPDX-License-Identifier: MIT */
#include "tools/target/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ledger__clear(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->count; i++)
		free(ledger->threads[i].figures);
	free(ledger->threads);
	memset(ledger, 0, sizeof(*ledger));
}

struct ledger_thread *ledger__find(const struct ledger *ledger, uint64_t tid, uint64_t start_ns)
{
	for (size_t i = 0; i < ledger->count; i++) {
		struct ledger_thread *thread = &ledger->threads[i];

		if (thread->tid == tid && thread->start_ns == start_ns)
			return thread;
	}
	return NULL;
}

struct ledger_thread *ledger__add(struct ledger *ledger, uint64_t tid, uint64_t start_ns)
{
	struct ledger_thread *thread, *grown;

	if (ledger->count == ledger->room) {
		size_t room = ledger->room ? 2 * ledger->room : 16;

		grown = reallocarray(ledger->threads, room, sizeof(*grown));
		if (!grown)
			return NULL;
		ledger->threads = grown;
		ledger->room = room;
	}
	thread = &ledger->threads[ledger->count];
	memset(thread, 0, sizeof(*thread));
	thread->figures = calloc(1, sizeof(*thread->figures));
	if (!thread->figures)
		return NULL;
	thread->tid = tid;
	thread->start_ns = start_ns;
	ledger->count++;
	return thread;
}

int ledger__on_thread(struct ledger *ledger, const struct hak_thread_event *event)
{
	const struct hak_thread_record *record = &event->tally.record;
	struct ledger_thread *thread = ledger__find(ledger, record->tid, record->start_ns);

	if (!thread) {
		/* Older than the walk that did not find it: it has ended and is in `exited`. */
		if (event->tally.time_ns < ledger->walked_ns)
			return 0;
		/* More than the process can have: it makes them up. */
		if (ledger->most && ledger->count >= ledger->most)
			return 0;
		thread = ledger__add(ledger, record->tid, record->start_ns);
		if (!thread)
			return -ENOMEM;
	} else if (record->seq < thread->seq || event->tally.time_ns < ledger->walked_ns) {
		return 0;
	}
	thread->seq = record->seq;
	thread->task = event->tally.tid;
	thread->sample_bytes = record->sample_bytes;
	memset(thread->figures, 0, sizeof(*thread->figures));
	figures__add_thread(thread->figures, record, event->slots_valid ? event->slots : NULL);
	return 0;
}

void ledger__fold_ended(struct ledger *ledger)
{
	size_t left = 0;

	for (size_t i = 0; i < ledger->count; i++) {
		struct ledger_thread *thread = &ledger->threads[i];

		if (thread->ended) {
			figures__add(&ledger->exited, thread->figures);
			free(thread->figures);
		} else {
			ledger->threads[left++] = *thread;
		}
	}
	ledger->count = left;
}

/*
 * Without walks the list of live threads is not known, and of all
 * process records only the first one's sum of ended threads is used: later ones contain threads
 * that have had an entry here.
 */
void ledger__on_process(struct ledger *ledger, const struct hak_process_event *event)
{
	if (event->time_ns < ledger->walked_ns)
		return;
	if (!ledger->has_process)
		figures__add_thread(&ledger->exited, &event->process.exited, NULL);
	ledger->process = event->process;
	ledger->has_process = true;
}

void ledger__on_walk(struct ledger *ledger, struct ledger *walk,
                     const struct hak_process_record *process, uint64_t begin_ns)
{
	struct ledger old = *ledger;

	*ledger = *walk;
	ledger->most = old.most;
	memset(walk, 0, sizeof(*walk));
	ledger->has_process = true;
	ledger->process = *process;
	ledger->walked_ns = begin_ns;
	memset(&ledger->exited, 0, sizeof(ledger->exited));
	figures__add_thread(&ledger->exited, &process->exited, NULL);
	ledger__clear(&old);
}

void ledger__sum(const struct ledger *ledger, struct figures *sum)
{
	*sum = ledger->exited;
	for (size_t i = 0; i < ledger->count; i++)
		figures__add(sum, ledger->threads[i].figures);
}
