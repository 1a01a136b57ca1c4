/* SPDX-License-Identifier: MIT */
#include "idle.h"

#include <string.h>

#include "depot.h"
#include "os.h"
#include "span.h"

enum {
	THREADS_AT_A_TIME = 64, /* the registry is locked, so the rest waits for the next period */
	CELLS_AT_A_TIME = 64,
	BARRIERS_MAX = 3, /* attempts; the kernel may lack memory for one */
	TRIES = 3,        /* to have all of a thread's stock: it may be using some just then */
};

#define REVOKED (INT64_MIN / 2) /* credit: the owner may go on subtracting for long */

static bool ready;

void idle_init(void)
{
	ready = !os_barrier_register();
}

static struct hak_slot *slots_of(const struct thread *thread)
{
	return (struct hak_slot *)thread->record.slots;
}

static size_t depth_of(const struct hak_slot *slot)
{
	return (gauge_get(slot->top) - slot->base) / sizeof(void *);
}

static bool is_revoked(const struct hak_slot *slot)
{
	return gauge_get(slot->credit) < REVOKED / 2;
}

/* --- the owner's side ------------------------------------------------------------------------- */

/* The blocks that are left lie behind cells that others have emptied: down to the first one. */
static void close_gap(struct magazine *magazine, struct hak_slot *slot)
{
	size_t gap = slot->base - (uintptr_t)magazine->cells;
	memmove(magazine->cells, (void *)slot->base, slot->top - slot->base);
	slot->base -= gap;
	slot->top -= gap;
}

/* Credit was counted as taken away, but the owner, just using some, may have had the last word. */
static void settle_credits(struct thread *thread)
{
	for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++) {
		struct tcache_class *cache = &thread->classes[class];
		if (cache->revoked && !is_revoked(&slots_of(thread)[class]))
			thread->record.classes[class].granted += cache->revoked;
		cache->revoked = 0;
	}
}

cold_path void idle_settle(struct thread *thread)
{
	tally_end(&thread->record);
	lock_take(&thread->claim);
	tally_begin(&thread->record);
	settle_credits(thread);
	for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++) {
		struct magazine *loaded = thread->classes[class].loaded;
		if (loaded && slots_of(thread)[class].base != (uintptr_t)loaded->cells)
			close_gap(loaded, &slots_of(thread)[class]);
	}
	__atomic_store_n(&thread->disturbed, 0, __ATOMIC_RELEASE);
	lock_give(&thread->claim);
}

/* --- the other's ------------------------------------------------------------------------------ */

/* What is taken from a thread, by class. */
struct haul {
	struct part {
		struct magazine *previous;
		void **cells; /* of the loaded magazine */
		size_t count;
		int64_t credit; /* that was taken away */
		bool wanted;
	} parts[HAK_CLASS_COUNT];
	bool any;    /* there is something to take */
	bool active; /* classes with stock are in use */
};

/* The owner is in no visit from here until release(); false: it is in one, or was since `seq`. */
static bool claim(struct thread *thread, bool all)
{
	if (!lock_try(&thread->claim))
		return false;
	uint32_t disturbed = thread->disturbed;
	__atomic_store_n(&thread->disturbed, 1, __ATOMIC_RELAXED);
	if (!os_barrier()) {
		uint64_t seq = tally_seq(&thread->record);
		if (!(seq & 1) && (all || seq == thread->idle_seq))
			return true;
	}
	__atomic_store_n(&thread->disturbed, disturbed, __ATOMIC_RELEASE);
	lock_give(&thread->claim);
	return false;
}

/* `disturbed` stays: the owner looks whether something is to be put in order. */
static void release(struct thread *thread)
{
	lock_give(&thread->claim);
}

static uint64_t mallocs_of(const struct hak_class_record *record, const struct hak_slot *slot)
{
	return record->mallocs +
	       (uint64_t)(record->granted - (slot->credit > 0 ? slot->credit : 0));
}

/* Chooses the classes that are to be emptied: not used since the last look, and with stock. */
static void choose(struct thread *thread, const struct hak_slot *seen, struct haul *haul, bool all)
{
	for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++) {
		struct tcache_class *cache = &thread->classes[class];
		if (!cache->loaded && !cache->previous)
			continue;
		uint64_t mallocs = mallocs_of(&thread->record.classes[class], &seen[class]);
		bool idle = all || mallocs == cache->seen_mallocs;
		cache->seen_mallocs = mallocs;
		haul->active = haul->active || !idle;
		if (!idle || (!cache->previous && depth_of(&seen[class]) <= 1))
			continue;
		haul->parts[class].wanted = true;
		haul->any = true;
	}
}

static void revoke_credit(struct thread *thread, struct haul *haul)
{
	for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++) {
		struct hak_slot *slot = &slots_of(thread)[class];
		if (haul->parts[class].wanted && !is_revoked(slot))
			haul->parts[class].credit =
			        __atomic_exchange_n(&slot->credit, REVOKED, __ATOMIC_RELAXED);
	}
}

/* Takes all below the block on top. */
static void take_loaded(struct thread *thread, unsigned class, struct part *part)
{
	struct hak_slot *slot = &slots_of(thread)[class];
	size_t depth = depth_of(slot);
	if (depth <= 1)
		return;
	part->cells = (void **)slot->base;
	part->count = depth - 1;
	slot->base += part->count * sizeof(void *);
	thread->record.classes[class].mark -= (int64_t)part->count;
}

/*
 * The count of mallocs goes on without the credit. `sure`: a barrier has been passed since it was
 * taken away. Else the owner may be about to write over that, so its magazine stays, and it has to
 * look (settle_credits).
 */
static void take_class(struct thread *thread, unsigned class, struct haul *haul, bool sure)
{
	struct tcache_class *cache = &thread->classes[class];
	struct part *part = &haul->parts[class];
	int64_t credit = part->credit > 0 ? part->credit : 0;
	if (cache->loaded && !is_revoked(&slots_of(thread)[class])) {
		haul->active = true;
		return;
	}
	thread->record.classes[class].granted -= credit;
	if (!sure) {
		cache->revoked += credit;
		haul->active = true;
	} else if (cache->loaded) {
		take_loaded(thread, class, part);
	}
	part->previous = cache->previous;
	cache->previous = NULL;
	cache->goal = 0;
	cache->ample = UINT32_MAX;
}

/* Whether all have passed a barrier. It may be refused at any
 * time, although claim() came through. */
static bool pass_barrier(void)
{
	for (int i = 0; i < BARRIERS_MAX; i++)
		if (!os_barrier())
			return true;
	return false;
}

/* Observers see nothing of it: the process record's seq is odd. */
static void take(struct thread *thread, struct haul *haul)
{
	tally_change_begin();
	revoke_credit(thread, haul);
	bool sure = pass_barrier();
	for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++)
		if (haul->parts[class].wanted)
			take_class(thread, class, haul, sure);
	tally_change_end();
}

/* What the owner's frees have written there, and to the blocks, is seen: those stores release. */
static void drain_cells(unsigned class, void *const *cells, size_t count)
{
	void *blocks[CELLS_AT_A_TIME];
	while (count) {
		size_t n = min_size(count, CELLS_AT_A_TIME);
		for (size_t i = 0; i < n; i++)
			blocks[i] = __atomic_load_n(&cells[i], __ATOMIC_ACQUIRE);
		span_drain(class, blocks, n);
		cells += n;
		count -= n;
	}
}

static void drain(struct thread *thread, struct haul *haul)
{
	for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++) {
		struct part *part = &haul->parts[class];
		if (part->count) {
			thread_count_flush(thread, class, part->count);
			drain_cells(class, part->cells, part->count);
		}
		if (part->previous) {
			thread_count_flush(thread, class, part->previous->count);
			depot_drain(class, part->previous);
		}
		if (part->wanted)
			span_trim(class);
	}
}

/* Registry locked. Tells whether the thread was found idle, or with `all`, in no visit. */
static bool trim_thread(struct thread *thread, bool all)
{
	static struct haul haul;
	static struct hak_slot seen[HAK_CLASS_COUNT];
	if (!claim(thread, all))
		return false;
	haul = (struct haul){.any = false};
	settle_credits(
	        thread); /* of a take that was not sure; claim() has passed a barrier since */
	if (tally_read_slots(&thread->record, seen))
		choose(thread, seen, &haul, all);
	if (haul.any && life_state(&thread->life) == LIFE_LASTS) {
		take(thread, &haul);
		drain(thread, &haul);
	}
	thread->idle_done = !haul.active;
	thread->bare_seq = all && !haul.active ? tally_seq(&thread->record) : 1;
	release(thread);
	return true;
}

/* Registry locked. Whether it has made no visit since the last look, and may have stock. */
static bool seems_idle(struct thread *thread)
{
	uint64_t seq = tally_seq(&thread->record);
	if (seq == thread->idle_seq)
		return !thread->idle_done;
	thread->idle_seq = seq;
	thread->idle_done = false;
	return false;
}

static void trim_idle_threads(const struct thread *self)
{
	unsigned left = THREADS_AT_A_TIME;
	struct hak_thread_record *record;
	tally_lock();
	for (record = tally_first(); record && left; record = tally_next(record)) {
		struct thread *thread = (struct thread *)record;
		if (thread != self && seems_idle(thread) && life_state(&thread->life) == LIFE_LASTS)
			left -= trim_thread(thread, false);
	}
	tally_unlock();
}

/* Registry locked. Whether all was taken, and nothing has come since: who only frees makes no
 * visit. */
static bool is_bare(const struct thread *thread)
{
	static struct hak_slot seen[HAK_CLASS_COUNT];
	if (tally_seq(&thread->record) != thread->bare_seq ||
	    !tally_read_slots(&thread->record, seen))
		return false;
	for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++)
		if (depth_of(&seen[class]) > 1)
			return false;
	return true;
}

/* Registry locked. Whether nothing is left that could be had. */
static bool strip(struct thread *thread)
{
	bool bare = is_bare(thread) || life_state(&thread->life) != LIFE_LASTS;
	for (int i = 0; i < TRIES && !bare; i++)
		bare = trim_thread(thread, true) && thread->idle_done;
	return bare;
}

/* Registry locked. */
static bool strip_threads(const struct thread *self)
{
	bool all = true;
	struct hak_thread_record *record;
	for (record = tally_first(); record; record = tally_next(record)) {
		struct thread *thread = (struct thread *)record;
		if (thread != self)
			all = strip(thread) && all;
	}
	return all;
}

static bool others_live(void)
{
	return ready && gauge_get(tally_process.threads_live) > 1;
}

void idle_trim(const struct thread *self, uint64_t now_ns, uint64_t period_ns)
{
	static uint64_t due;
	if (others_live() && is_due(&due, now_ns, period_ns))
		trim_idle_threads(self);
}

static uint32_t trims;

uint32_t idle_trims(void)
{
	return gauge_get(trims);
}

bool idle_trim_all(const struct thread *self, uint32_t since)
{
	static bool all;
	if (!others_live())
		return true;
	tally_lock();
	if (trims == since) {
		gauge_add(trims, 1);
		all = strip_threads(self);
	}
	bool had = all;
	tally_unlock();
	return had;
}
