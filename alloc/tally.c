/* SPDX-License-Identifier: MIT */
#include "tally.h"

#include "lock.h"
#include "os.h"
#include "size_class.h"

struct hak_process_record tally_process = {
        .magic = HAK_RECORD_MAGIC,
        .version = HAK_RECORD_VERSION,
        .mode = HAK_MODE_UNINITIALISED,
        .class_count = HAK_CLASS_COUNT,
        .route_count = HAK_ROUTE_COUNT,
        .class_record_bytes = sizeof(struct hak_class_record),
        .thread_record_bytes = sizeof(struct hak_thread_record),
};

/*
 * The note by which observers find the process record. In a section that is not loaded, so that the
 * address is the link-time one and needs no relocation at run time (as stapsdt notes do it).
 */
/* clang-format off */
__attribute__((used)) static void process_note(void)
{
	__asm__ volatile(".pushsection .note.hakmem,\"\",\"note\"\n"
			 ".balign 4\n"
			 ".4byte 992f-991f, 994f-993f, %c0\n"
			 "991: .asciz \"" HAK_NOTE_OWNER "\"\n"
			 "992: .balign 4\n"
			 "993: .4byte %c1, %c2\n"
			 ".8byte tally_process\n"
			 "994: .balign 4\n"
			 ".popsection\n"
			 :
			 : "i"(HAK_NOTE_PROCESS), "i"(HAK_RECORD_VERSION), "i"(sizeof(tally_process)));
}
/* clang-format on */

static_assert(offsetof(struct hak_note, bytes) == 4 && offsetof(struct hak_note, process) == 8,
              "the note above has this form");

static struct lock lock;

struct hak_thread_record *tally_first(void)
{
	return (struct hak_thread_record *)tally_process.threads;
}

struct hak_thread_record *tally_next(const struct hak_thread_record *record)
{
	return (struct hak_thread_record *)record->next;
}

void tally_change_begin(void)
{
	__atomic_store_n(&tally_process.seq, tally_process.seq + 1, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void tally_change_end(void)
{
	__atomic_store_n(&tally_process.seq, tally_process.seq + 1, __ATOMIC_RELEASE);
}

static struct tally_thread *thread_of(struct hak_thread_record *record)
{
	return (struct tally_thread *)record;
}

/* Lock held. */
static bool list_is_valid(void)
{
	uint64_t live = 0, *link = &tally_process.threads;
	struct hak_thread_record *record = tally_first();
	for (; record; link = &record->next, record = tally_next(record))
		if (thread_of(record)->link != link || !record->tid || !record->slots ||
		    ++live > tally_process.threads_live)
			return false;
	return live == tally_process.threads_live;
}

/* Brackets a change of the list or of the exited sums. */
static void change_begin(void)
{
	lock_take(&lock);
	hak_assert(list_is_valid());
	tally_change_begin();
}

static void change_end(void)
{
	hak_assert(list_is_valid());
	tally_change_end();
	lock_give(&lock);
}

void tally_init(enum hak_mode mode, uint64_t sample_bytes)
{
	tally_process.start_ns = os_clock_ns();
	tally_process.sample_bytes = sample_bytes;
	for (unsigned c = 0; c < HAK_CLASS_COUNT; c++)
		tally_process.class_size[c] = size_class_size(c);
	__atomic_store_n(&tally_process.mode, mode, __ATOMIC_RELEASE);
}

/* Registry lock held, inside a change: `record` (or none) is what comes at `link`. */
static void put_at(uint64_t *link, struct hak_thread_record *record)
{
	*link = (uintptr_t)record;
	if (record)
		thread_of(record)->link = link;
}

void tally_enter(struct hak_thread_record *record, struct hak_slot *slots)
{
	record->tid = os_tid();
	record->slots = (uintptr_t)slots;
	record->start_ns = os_clock_ns();
	change_begin();
	put_at(&record->next, tally_first());
	put_at(&tally_process.threads, record);
	gauge_add(tally_process.threads_live, 1);
	change_end();
}

enum {
	SUMS = offsetof(struct hak_class_record, granted) / sizeof(uint64_t)
}; /* all but the state */

static void add_class(struct hak_class_record *restrict to, const struct hak_class_record *from)
{
	uint64_t *restrict sums = (uint64_t *)to;
	for (unsigned i = 0; i < SUMS; i++)
		sums[i] += ((const uint64_t *)from)[i];
}

/* Whether it differs from one that is zero. What else there is comes with one of these. */
static bool is_used(const struct hak_class_record *class)
{
	return class->mallocs | class->frees | class->cold_mallocs | class->cold_frees |
	       class->flushes;
}

/* Registry lock held, inside a change. Leaves the classes zero: most threads use few. */
static void fold(struct hak_thread_record *record)
{
	struct hak_thread_record *exited = &tally_process.exited;
	for (unsigned c = 0; c < HAK_CLASS_COUNT; c++) {
		struct hak_class_record *class = &record->classes[c];
		if (!is_used(class))
			continue;
		add_class(&exited->classes[c], class);
		*class = (struct hak_class_record){0};
	}
	exited->large_bytes += record->large_bytes;
	exited->large_freed += record->large_freed;
	exited->samples += record->samples;
	exited->cold_visits += record->cold_visits;
	tally_process.threads_exited++;
	gauge_add(tally_process.threads_live, -1ul);
}

/* Registry lock held, inside a change. */
static void unlink_record(struct hak_thread_record *record)
{
	fold(record);
	put_at(thread_of(record)->link, tally_next(record));
	record->slots = 0;
}

void tally_leave(struct hak_thread_record *record)
{
	change_begin();
	unlink_record(record);
	change_end();
}

void tally_bury(struct hak_thread_record *record)
{
	tally_change_begin();
	unlink_record(record);
	tally_change_end();
}

void tally_orphan(unsigned class, enum hak_route route, uint64_t mallocs, uint64_t frees,
                  uint64_t large_bytes, uint64_t large_freed)
{
	struct hak_thread_record *exited = &tally_process.exited;
	struct hak_class_record *record = &exited->classes[class];
	change_begin();
	record->mallocs += mallocs;
	record->route[route] += mallocs;
	record->cold_mallocs += mallocs;
	record->frees += frees;
	record->cold_frees += frees;
	exited->large_bytes += large_bytes;
	exited->large_freed += large_freed;
	exited->cold_visits++;
	change_end();
}

void tally_fork_child(struct hak_thread_record *self)
{
	change_begin();
	struct hak_thread_record *record = tally_first();
	for (; record; record = tally_next(record))
		if (record != self)
			fold(record);
	put_at(&tally_process.threads, self);
	if (self) {
		self->next = 0;
		self->tid = os_tid();
	}
	change_end();
}

enum { SLOTS_BYTES = HAK_CLASS_COUNT * sizeof(struct hak_slot) };

/* Observers read records and slots as another process does: whoever writes takes no part. */
reads_racily bool tally_read_slots(const struct hak_thread_record *record, struct hak_slot *slots)
{
	const struct life *life = &((const struct tally_thread *)record)->life;
	const uint64_t *from = (const uint64_t *)record->slots;
	uint64_t *to = (uint64_t *)slots;
	if (life_state(life) != LIFE_LASTS)
		return false;
	for (size_t i = 0; i < SLOTS_BYTES / sizeof(*from); i++)
		to[i] = gauge_get(from[i]);
	return life_state(life) == LIFE_LASTS;
}

/* Of a thread that is not known to live what it had counted when it was last seen. */
reads_racily static void add_record(struct tally_sum *sum, const struct hak_thread_record *record,
                                    bool hits)
{
	struct hak_slot slots[HAK_CLASS_COUNT];
	bool lives = hits && record->slots && tally_read_slots(record, slots);
	sum->threads += lives;
	for (unsigned c = 0; c < HAK_CLASS_COUNT; c++) {
		struct hak_class_record class = record->classes[c];
		if (lives)
			tally_catch_up(&class, &slots[c]);
		sum->mallocs[c] += class.mallocs;
		sum->frees[c] += class.frees;
	}
	sum->large_bytes += record->large_bytes;
	sum->large_freed += record->large_freed;
}

static void add_records(struct tally_sum *sum, bool hits)
{
	*sum = (struct tally_sum){0};
	lock_take(&lock);
	struct hak_thread_record *record = &tally_process.exited;
	record->next = tally_process.threads; /* so that one loop visits all */
	for (; record; record = tally_next(record))
		add_record(sum, record, hits);
	tally_process.exited.next = 0;
	lock_give(&lock);
}

void tally_sum(struct tally_sum *sum)
{
	add_records(sum, true);
}

/* Odd numbers that no count comes near. */
#define PER_THREAD 0x9e3779b97f4a7c15u
#define PER_EXIT   0xd1b54a32d192ed03u

uint64_t tally_changes(bool hits)
{
	struct tally_sum sum;
	add_records(&sum, hits);
	uint64_t changes =
	        sum.threads * PER_THREAD + gauge_get(tally_process.threads_exited) * PER_EXIT;
	for (unsigned c = 0; c < HAK_CLASS_COUNT; c++)
		changes += sum.mallocs[c] + sum.frees[c];
	return changes;
}

void tally_lock(void)
{
	lock_take(&lock);
}

void tally_unlock(void)
{
	lock_give(&lock);
}

bool tally_is_valid(void)
{
	return list_is_valid() && !(tally_process.seq & 1) && !tally_process.exited.next;
}
