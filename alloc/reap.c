/* SPDX-License-Identifier: MIT */
#include "reap.h"

#include <string.h>

#include "depot.h"
#include "os.h"
#include "span.h"

/* Of a forked child: caches of threads that are not in it, off the list, their stock as it was. */
static struct thread *bereft;

/* The slot is what that thread left there for that magazine. */
static bool is_slot_of(const struct hak_slot *slot, const struct magazine *magazine)
{
	uintptr_t first = (uintptr_t)magazine->cells,
	          end = (uintptr_t)&magazine->cells[magazine->capacity];
	return slot->base >= first && slot->base <= slot->top && slot->top <= slot->limit &&
	       slot->limit <= end && !((slot->base | slot->top | slot->limit) % sizeof(void *));
}

/* Where the credit cannot be, the counts stay as they are. */
static void account(struct hak_class_record *record, const struct hak_slot *slot)
{
	int64_t depth = (int64_t)(slot->top - slot->base) / (int64_t)sizeof(void *);
	if (slot->credit <= record->granted && slot->credit <= depth)
		tally_catch_up(record, slot);
}

static void recover_class(struct thread *thread, unsigned class, const struct hak_slot *slot)
{
	struct tcache_class *cache = &thread->classes[class];
	struct magazine *loaded = cache->loaded;
	if (loaded && slot && is_slot_of(slot, loaded)) {
		size_t blocks = (slot->top - slot->base) / sizeof(void *);
		account(&thread->record.classes[class], slot);
		thread_count_flush(thread, class, blocks);
		span_drain(class, (void **)slot->base, blocks);
	}
	if (loaded) {
		loaded->count = 0;
		depot_give_empty(class, loaded);
	}
	if (cache->previous)
		thread_count_flush(thread, class, cache->previous->count);
	if (cache->previous)
		depot_drain(class, cache->previous);
}

/*
 * Registry locked. What a thread that has ended had. In the middle of a visit nothing is certain:
 * then it is left where it is, out of reach.
 */
static void recover(struct thread *thread)
{
	static struct hak_slot slots[HAK_CLASS_COUNT];
	bool certain = !(tally_seq(&thread->record) & 1);
	const void *from = (const void *)thread->record.slots;
	bool there = certain && from && !os_copy(slots, from, sizeof(slots));
	for (unsigned class = 1; certain && class < HAK_CLASS_COUNT; class ++)
		recover_class(thread, class, there ? &slots[class] : NULL);
	memset(thread->classes, 0, sizeof(thread->classes));
}

/*
 * Registry locked. Its cache joins those that were reaped, its account empty: marks of a stock that
 * was taken over stay where nothing was counted.
 */
static void collect(struct thread *thread, struct thread **reaped)
{
	memset(thread->record.classes, 0, sizeof(thread->record.classes));
	thread->record.slots = 0;
	life_forget(&thread->life);
	thread->next_free = *reaped;
	*reaped = thread;
}

struct thread *reap(void)
{
	struct thread *reaped = NULL, *thread;
	struct hak_thread_record *record, *next;
	tally_lock();
	for (record = tally_first(); record; record = next) {
		next = tally_next(record);
		thread = (struct thread *)record;
		if (!life_has_ended(&thread->life))
			continue;
		recover(thread);
		tally_bury(record);
		collect(thread, &reaped);
	}
	while ((thread = bereft)) {
		bereft = thread->next_free;
		recover(thread);
		collect(thread, &reaped);
	}
	tally_unlock();
	return reaped;
}

void reap_after_fork(const struct thread *self)
{
	struct hak_thread_record *record;
	for (record = tally_first(); record; record = tally_next(record)) {
		struct thread *thread = (struct thread *)record;
		if (thread == self)
			continue;
		thread->next_free = bereft;
		bereft = thread;
	}
}
