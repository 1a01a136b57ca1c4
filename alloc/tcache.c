/* SPDX-License-Identifier: MIT */
#include "tcache.h"

#include <string.h>

#include "decay.h"
#include "depot.h"
#include "guard.h"
#include "idle.h"
#include "lock.h"
#include "misuse.h"
#include "options.h"
#include "os.h"
#include "reap.h"
#include "secure.h"
#include "span.h"
#include "tally.h"

__thread struct hak_slot tcache_slots[TCACHE_SLOTS] __attribute__((aligned(64)));
__thread struct thread *tcache_self;
static __thread bool exited;

static unsigned crowd_shift; /* may change at any time: nothing may rely on two equal looks at it */

static struct lock spare_lock;
static struct thread *spares; /* of exited threads, for reuse; the last that was left first */
static unsigned stocked;      /* so many of them with what their owners had in stock */

enum {
	GOAL_FIRST = 8 + CHECKS_RESERVE, /* blocks in the first stock of a class */
	CROWD = 8, /* threads that may have magazines of full size; caches that may wait stocked */
	CROWD_SHIFT_MAX = 4,
	CELLS_LEAST = 4 + 3 * CHECKS_RESERVE, /* of any magazine */
	TINY_CLASSES = 63 / SMALL_SPACING,    /* of blocks smaller than a cache line */
	STOCK_SHARE = 4,    /* of a period's mallocs one part in so many may stay in stock */
	AFRESH_MALLOCS = 8, /* per block that may be drained for a fresh start */
	HANDED_ON_BYTES = 16 * 1024, /* of blocks in a magazine that only changes hands */
	REAP_LEAST = 32, /* threads, from which on one that comes asks whether all others live */
};

static struct hak_class_record *record_of(struct thread *thread, unsigned class)
{
	return &thread->record.classes[class];
}

static size_t depth_of(const struct hak_slot *slot)
{
	return (slot->top - slot->base) / sizeof(void *);
}

/*
 * Cells of the largest magazine of a class. With many threads it is smaller, so that what all of
 * them may hold together stays about what CROWD threads may.
 */
static size_t cells_max(unsigned class)
{
	unsigned shift = __atomic_load_n(&crowd_shift, __ATOMIC_RELAXED);
	return max_size(size_classes[class].cells_max >> shift, CELLS_LEAST);
}

/* Cells of a magazine that is only filled here, for another thread to empty. */
static size_t cells_handed_on(unsigned class)
{
	return HANDED_ON_BYTES / size_class_size(class);
}

static void measure_crowd(void)
{
	uint64_t threads = gauge_get(tally_process.threads_live);
	unsigned shift = 0;
	while (shift < CROWD_SHIFT_MAX && threads > (uint64_t)CROWD << shift)
		shift++;
	__atomic_store_n(&crowd_shift, shift, __ATOMIC_RELAXED);
}

/* Cells that the class may fill in that magazine. */
static size_t room_of(unsigned class, const struct magazine *magazine)
{
	return min_size(magazine->capacity, cells_max(class));
}

/*
 * Cells that may be filled once it is loaded: its room, but at least one more than it holds, where
 * it has that many. (It may have been filled when there were fewer threads.)
 */
static size_t limit_of(unsigned class, const struct magazine *magazine, size_t depth)
{
	return min_size(max_size(room_of(class, magazine), depth + 1), magazine->capacity);
}

/* Random bits of this thread's, where blocks are checked. */
static uint64_t draw(void)
{
	if (!CHECKS_RESERVE)
		return 0;
	struct hak_slot *slot = &tcache_slots[TCACHE_SLOTS - 1];
	slot->credit =
	        (int64_t)((uint64_t)slot->credit * 6364136223846793005u + 1442695040888963407u);
	return (uint64_t)slot->credit >> 16;
}

/* A free is a hit only where it finds the reserve to change places with. */
static void keep_reserve(unsigned class, const struct magazine *magazine)
{
	if (!CHECKS_RESERVE || !magazine)
		return;
	struct hak_slot *slot = &tcache_slots[class];
	size_t depth = depth_of(slot);
	slot->limit = depth + 1 <= CHECKS_RESERVE /* never, where there is none */
	                      ? slot->top
	                      : slot->base + limit_of(class, magazine, depth) * sizeof(void *);
}

/* Makes `magazine` (or none) the loaded one, `depth` blocks in it. */
static void load(struct thread *thread, unsigned class, struct magazine *magazine, size_t depth)
{
	struct hak_slot *slot = &tcache_slots[class];
	thread->classes[class].loaded = magazine;
	slot->base = magazine ? (uintptr_t)magazine->cells : 0;
	slot->top = slot->base + depth * sizeof(void *);
	slot->limit =
	        slot->base + (magazine ? limit_of(class, magazine, depth) : 0) * sizeof(void *);
	keep_reserve(class, magazine);
}

/* Takes the loaded magazine out, its count brought up to date. */
static struct magazine *unload(struct thread *thread, unsigned class)
{
	struct magazine *magazine = thread->classes[class].loaded;
	if (magazine)
		magazine->count = (uint32_t)depth_of(&tcache_slots[class]);
	load(thread, class, NULL, 0);
	return magazine;
}

/*
 * Law 3: adds to the record what the hot path did since the last account. Credit used is the number
 * of mallocs; the change of depth then tells the number of frees.
 */
static inline void account(struct thread *thread, unsigned class, const bool watched)
{
	struct hak_slot *slot = &tcache_slots[class];
	struct hak_class_record *record = record_of(thread, class);
	int64_t credit = slot->credit > 0 ? slot->credit : 0;
	int64_t used = record->granted - credit;
	int64_t depth = (int64_t)depth_of(slot);
	hak_assert(used >= 0 && depth >= credit && slot->top <= slot->limit);
	hak_assert(!thread->classes[class].loaded ||
	           slot->limit <= slot->base + thread->classes[class].loaded->capacity * 8);
	record->mallocs += (uint64_t)used;
	record->frees += (uint64_t)(depth - record->mark + used);
	record->granted = credit;
	record->mark = depth;
	slot->credit = credit;
	if (watched)
		sample_pass(&thread->sampler, class, used);
}

/* Closes a change of the stock: depth is now what the
 * account starts from, and credit follows it. */
static inline void grant(struct thread *thread, unsigned class, const bool watched)
{
	struct hak_slot *slot = &tcache_slots[class];
	struct hak_class_record *record = record_of(thread, class);
	int64_t depth = (int64_t)depth_of(slot);
	int64_t until = watched ? sample_until(&thread->sampler, class) : SAMPLE_NEVER;
	int64_t stock = depth > CHECKS_RESERVE ? depth - CHECKS_RESERVE : 0;
	slot->credit = stock < until ? stock : until;
	record->granted = slot->credit;
	record->mark = depth;
	keep_reserve(class, thread->classes[class].loaded);
	hak_assert(tcache_class_is_valid(thread, class));
}

/* Replaces the loaded magazine by a larger one with the same
 * blocks; false when there is no memory. */
static bool enlarge(struct thread *thread, unsigned class, size_t cells)
{
	uint32_t capacity = magazine_capacity_for(min_size(cells, MAGAZINE_CELLS_MAX));
	struct magazine *bigger = depot_take_empty(class, capacity);
	if (!bigger)
		return false;
	struct magazine *old = unload(thread, class);
	size_t depth = old ? old->count : 0;
	if (old) {
		memcpy(bigger->cells, old->cells, depth * sizeof(void *));
		magazine_free(old);
	}
	load(thread, class, bigger, depth);
	return true;
}

static void count_refill(struct hak_class_record *record, unsigned class, size_t blocks,
                         size_t fresh, enum hak_route route)
{
	record->refills++;
	record->refill_blocks += blocks;
	record->fresh_blocks += fresh;
	probe_hakmem_refill(class, blocks, route == HAK_ROUTE_DEPOT ? 1 : 2);
}

/* The blocks of a magazine that is not loaded go back to their spans. */
static void drain_unloaded(struct thread *thread, unsigned class, struct magazine *magazine)
{
	if (!magazine->count)
		return;
	thread_count_flush(thread, class, magazine->count);
	span_drain(class, magazine->cells, magazine->count);
	magazine->count = 0;
}

/* Gives a magazine that is not loaded to the depot, whatever it holds. */
static void hand_on(struct thread *thread, unsigned class, struct magazine *magazine)
{
	if (magazine->count)
		thread_count_flush(thread, class, magazine->count);
	depot_give(class, magazine);
}

/* Loads a full magazine of the depot; what is loaded goes on top of it, or becomes the previous
 * one. */
static bool restock_from_depot(struct thread *thread, unsigned class)
{
	struct tcache_class *cache = &thread->classes[class];
	struct magazine *full = depot_take(class);
	if (!full)
		return false;
	count_refill(record_of(thread, class), class, full->count, 0, HAK_ROUTE_DEPOT);
	struct magazine *old = unload(thread, class);
	size_t depth = full->count;
	if (old && depth + old->count <= room_of(class, full)) {
		memcpy(full->cells + depth, old->cells, old->count * sizeof(void *));
		depth += old->count;
		old->count = 0;
		depot_give_empty(class, old);
	} else if (old) {
		struct magazine *previous = cache->previous;
		if (previous && previous->count + old->count <= room_of(class, old)) {
			memcpy(old->cells + old->count, previous->cells,
			       previous->count * sizeof(void *));
			old->count += previous->count;
			previous->count = 0;
			depot_give_empty(class, previous);
		} else if (previous) {
			hand_on(thread, class, previous);
		}
		cache->previous = old;
	}
	load(thread, class, full, depth);
	hak_assert(depth > 0);
	return depth > 0;
}

/* Fills the loaded magazine up to the goal, below the blocks that are there: those are warm. */
static bool restock_from_spans(struct thread *thread, unsigned class)
{
	struct tcache_class *cache = &thread->classes[class];
	if ((!cache->loaded || cache->loaded->capacity < cache->goal) &&
	    !enlarge(thread, class, cache->goal) && !cache->loaded)
		return false;
	struct magazine *magazine = cache->loaded;
	size_t depth = depth_of(&tcache_slots[class]);
	size_t want = min_size(cache->goal, magazine->capacity) - depth, fresh = 0;
	memmove(magazine->cells + want, magazine->cells, depth * sizeof(void *));
	size_t got = span_fill(class, magazine->cells, want, &fresh);
	if (unlikely(got < want))
		memmove(magazine->cells + got, magazine->cells + want, depth * sizeof(void *));
	checks_prepare(class, magazine->cells, got, fresh, draw());
	load(thread, class, magazine, depth + got);
	if (got)
		count_refill(record_of(thread, class), class, got, fresh, HAK_ROUTE_SPAN);
	return depth + got > 0;
}

static void swap_previous(struct thread *thread, unsigned class)
{
	struct tcache_class *cache = &thread->classes[class];
	struct magazine *loaded = unload(thread, class), *previous = cache->previous;
	cache->previous = loaded;
	load(thread, class, previous, previous->count);
}

static void drain_loaded(struct thread *thread, unsigned class)
{
	struct magazine *loaded = unload(thread, class);
	drain_unloaded(thread, class, loaded);
	load(thread, class, loaded, 0);
}

/*
 * A class of which nearly all has died is wanted again. Blocks that died at random lie scattered
 * over every span that was in use, and new ones in their places would keep them all: so the stock
 * is drained, and the new blocks come from few spans. A class that comes and goes often is better
 * off with its magazines: a block may be drained so for each AFRESH_MALLOCS mallocs.
 */
static cold_path void start_afresh(struct thread *thread, unsigned class)
{
	struct tcache_class *cache = &thread->classes[class];
	struct magazine *previous = cache->previous;
	uint64_t mallocs = record_of(thread, class)->mallocs;
	uint64_t stock = depth_of(&tcache_slots[class]) + (previous ? previous->count : 0) +
	                 depot_blocks(class);
	bool many = cache->died >= cells_max(class);
	cache->died = 0;
	if (!many || mallocs - cache->afresh_mallocs < AFRESH_MALLOCS * stock)
		return;
	cache->afresh_mallocs = mallocs;
	cache->goal = 0;
	cache->previous = NULL;
	if (cache->loaded)
		drain_loaded(thread, class);
	if (previous) {
		drain_unloaded(thread, class, previous);
		depot_give_empty(class, previous);
	}
	depot_drain_class(class);
}

/*
 * Passive false sharing: blocks of a cache line that two threads were given by a third come back to
 * each of them for ever, when what was freed last is allocated next. So a cold visit swaps the
 * block on top for one deeper down, of which many came from the spans together.
 */
static bool shares_lines(unsigned class)
{
	return class <= TINY_CLASSES && gauge_get(tally_process.threads_live) > 1;
}

static void stir(struct hak_slot *slot, uint64_t visits)
{
	void **cells = (void **)slot->base, **top = (void **)slot->top - 1;
	void **other = &cells[visits % depth_of(slot)], *p = *other;
	*other = *top;
	*top = p;
}

/*
 * Sees to it that the loaded magazine holds half of the goal, so that visits stay rare even where
 * depth hovers near zero. The goal is at most half of the magazine: there is as much room for
 * frees. Returns the route that a block now comes by; HAK_ROUTE_COUNT when there is none.
 */
static enum hak_route restock(struct thread *thread, unsigned class)
{
	struct tcache_class *cache = &thread->classes[class];
	if (unlikely(cache->died))
		start_afresh(thread, class);
	size_t depth = depth_of(&tcache_slots[class]);
	size_t before = cache->goal, most = cells_max(class) / 2;
	cache->goal = (uint32_t)min_size(before ? before * 2 : GOAL_FIRST, most);
	cache->ample = cache->goal == most && !shares_lines(class)
	                       ? (uint32_t)max_size(most / 2, 1 + CHECKS_RESERVE)
	                       : UINT32_MAX;
	size_t enough = max_size(min_size(before, cache->goal) / 2, 1 + CHECKS_RESERVE);
	if (depth >= enough)
		return HAK_ROUTE_MAGAZINE;
	if (cache->previous && cache->previous->count >= enough) {
		swap_previous(thread, class);
		return HAK_ROUTE_PREVIOUS;
	}
	if (restock_from_depot(thread, class))
		return HAK_ROUTE_DEPOT;
	if (restock_from_spans(thread, class)) {
		decay_note_growth();
		return HAK_ROUTE_SPAN;
	}
	if (cache->previous && cache->previous->count) {
		swap_previous(thread, class);
		return HAK_ROUTE_PREVIOUS;
	}
	return HAK_ROUTE_COUNT;
}

static bool has_room(unsigned class)
{
	const struct hak_slot *slot = &tcache_slots[class];
	return slot->top < slot->limit || (slot->base && depth_of(slot) + 1 <= CHECKS_RESERVE);
}

/*
 * Makes room for one more block; false when there is no memory for a magazine. There may be room
 * already: this thread has just taken over a cache, or others have taken stock from it.
 */
static bool make_room(struct thread *thread, unsigned class)
{
	if (has_room(class))
		return true;
	struct tcache_class *cache = &thread->classes[class];
	struct magazine *loaded = cache->loaded;
	uint64_t mallocs = record_of(thread, class)->mallocs;
	bool only_frees = mallocs == cache->room_mallocs;
	cache->room_mallocs = mallocs;
	cache->died = only_frees ? cache->died + depth_of(&tcache_slots[class]) : 0;
	if (only_frees)
		cache->ample = UINT32_MAX;                 /* so that the next malloc looks at it */
	if (only_frees && loaded && !depot_wants(class)) { /* nobody wants these blocks */
		drain_loaded(thread, class);
		return true;
	}
	if (!loaded || (loaded->capacity < cells_max(class) &&
	                !(only_frees && loaded->capacity >= cells_handed_on(class))))
		return enlarge(thread, class, loaded ? loaded->capacity * 2 : GOAL_FIRST);
	struct magazine *previous = cache->previous;
	if (previous && previous->count <= room_of(class, previous) / 2) {
		swap_previous(thread, class);
		return true;
	}
	struct magazine *empty = depot_take_empty(class, loaded->capacity);
	if (!empty)
		return false;
	/* Whoever only frees needs no second one; others do. */
	bool at_once = only_frees && gauge_get(tally_process.threads_live) > 1;
	struct magazine *full = unload(thread, class), *out = at_once ? full : previous;
	cache->previous = at_once ? previous : full;
	if (out)
		hand_on(thread, class, out);
	load(thread, class, empty, 0);
	return true;
}

/* A block that is freed twice in a row stands twice near the top. `p` is the one being freed. */
static inline void look_for_double_free(unsigned class, const void *p, const void *const *top,
                                        size_t depth)
{
	if (unlikely(depth >= 1 && top[-1] == p) || unlikely(depth >= 2 && top[-2] == p))
		misuse_report(MISUSE_DOUBLE_FREE, p, class);
}

/*
 * A visit is watched when somebody is attached to a probe of single visits, or was until now, or
 * when blocks are guarded. That is asked once: each visit exists in two versions, and the unwatched
 * one knows nothing of sampling.
 */
static inline bool visit_is_watched(const struct thread *thread)
{
	return unlikely(probing_visits() || thread->sampler.cutting);
}

static inline void visit_begin(struct thread *thread, const bool watched)
{
	thread->record.cold_visits++;
	if (watched && probing_otel_memory_alloc() != (thread->sampler.distance != 0))
		sample_start(&thread->sampler, thread->sampler.distance ? 0 : options.sample_bytes);
	hak_assert(!watched || sample_is_valid(&thread->sampler));
	idle_begin(thread);
}

/* Hands a magazine back: to the depot when it holds a fair number of blocks, else to the spans. */
static void give_up(struct thread *thread, unsigned class, struct magazine *magazine, bool drain)
{
	if (!magazine)
		return;
	if (!drain && magazine->count >= room_of(class, magazine) / 4) {
		hand_on(thread, class, magazine);
		return;
	}
	drain_unloaded(thread, class, magazine);
	depot_give_empty(class, magazine);
}

/* Keeps the `keep` blocks that were freed last, where there are more. */
static void shrink_stock(struct thread *thread, unsigned class, size_t keep)
{
	struct tcache_class *cache = &thread->classes[class];
	size_t depth = depth_of(&tcache_slots[class]);
	if (depth >= keep) {
		give_up(thread, class, cache->previous, true);
		cache->previous = NULL;
	}
	if (depth > keep) {
		struct magazine *loaded = unload(thread, class);
		void **cells = loaded->cells;
		thread_count_flush(thread, class, depth - keep);
		span_drain(class, cells, depth - keep);
		memmove(cells, cells + depth - keep, keep * sizeof(*cells));
		load(thread, class, loaded, keep);
	}
	cache->goal = (uint32_t)min_size(cache->goal, max_size(keep, GOAL_FIRST));
	cache->ample = UINT32_MAX;
}

/*
 * Gives up the stock of classes that nothing was allocated from since the last trim. Frees do not
 * count: what dies while another size is wanted is stock that pins spans of the wrong class. Where
 * little was allocated in a whole `period`, a part of that will do as stock.
 */
static void trim_idle(struct thread *thread, bool period)
{
	idle_begin(thread);
	for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++) {
		struct tcache_class *cache = &thread->classes[class];
		if (!cache->loaded && !cache->previous)
			continue;
		account(thread, class, true);
		uint64_t mallocs = record_of(thread, class)->mallocs;
		size_t used = mallocs - cache->seen_mallocs;
		cache->seen_mallocs = mallocs;
		if (!used) {
			give_up(thread, class, unload(thread, class), true);
			give_up(thread, class, cache->previous, true);
			span_trim(class);
			cache->previous = NULL;
			cache->goal = 0;
			cache->ample = UINT32_MAX;
		} else if (period && used / STOCK_SHARE < cells_max(class)) {
			shrink_stock(thread, class, used / STOCK_SHARE);
		}
		grant(thread, class, true);
	}
	tally_end(&thread->record);
}

/* Drains a cache that waits for a thread; it is on no list. */
static void drain_spare(struct thread *thread)
{
	for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++) {
		struct tcache_class *cache = &thread->classes[class];
		if (cache->loaded)
			depot_drain(class, cache->loaded);
		if (cache->previous)
			depot_drain(class, cache->previous);
		*cache = (struct tcache_class){0};
	}
}

/* A cache that was left before `before_ns` and has its stock still, taken off the list. */
static struct thread *take_stocked_spare(uint64_t before_ns)
{
	struct thread **link = &spares, *thread = NULL;
	lock_take(&spare_lock);
	while (*link && !((*link)->stocked && (*link)->left_ns <= before_ns))
		link = &(*link)->next_free;
	if ((thread = *link)) {
		*link = thread->next_free;
		thread->stocked = false;
		gauge_add(stocked, -1u);
	}
	lock_give(&spare_lock);
	return thread;
}

static void put_spare(struct thread *thread)
{
	lock_take(&spare_lock);
	thread->next_free = spares;
	spares = thread;
	lock_give(&spare_lock);
}

/* Threads come and go, or have gone: what no new one has taken for a while is drained. */
static void trim_spares(uint64_t before_ns)
{
	struct thread *thread;
	while (gauge_get(stocked) && (thread = take_stocked_spare(before_ns))) {
		drain_spare(thread);
		put_spare(thread);
	}
}

/* Threads that have ended unseen leave their caches to those that come. */
static void reap_threads(void)
{
	struct thread *thread, *next;
	for (thread = reap(); thread; thread = next) {
		next = thread->next_free;
		thread->stocked = false;
		put_spare(thread);
	}
	measure_crowd();
}

static void reap_when_due(uint64_t now)
{
	static uint64_t due;
	if (is_due(&due, now, decay_period_ns()))
		reap_threads();
}

/* There is no cache for a thread that comes: before one is
 * made, and the more there are the rarer. */
static void reap_when_many(void)
{
	static uint64_t many = REAP_LEAST;
	uint64_t at = gauge_get(many);
	if (gauge_get(tally_process.threads_live) < at ||
	    !__atomic_compare_exchange_n(&many, &at, UINT64_MAX, false, __ATOMIC_RELAXED,
	                                 __ATOMIC_RELAXED))
		return;
	reap_threads();
	gauge_set(many, max_size(2 * gauge_get(tally_process.threads_live), REAP_LEAST));
}

static cold_path void house_keeping(struct thread *thread)
{
	uint64_t now = os_clock_coarse_ns();
	uint32_t growths = decay_growths();
	bool period = now >= thread->trimmed_ns + decay_period_ns();
	if (thread->growths != growths || period) {
		thread->trimmed_ns = now;
		thread->growths = growths;
		trim_idle(thread, period);
		trim_spares(now - min_size(now, decay_period_ns()));
	}
	if (period) {
		reap_when_due(now);
		idle_trim(thread, now, decay_period_ns());
	}
	decay_when_due(now);
}

/* Within the visit, so that nobody else is at the record while it is copied. */
static cold_path void tally_when_due(struct thread *thread)
{
	uint64_t now = os_clock_coarse_ns();
	if (now - thread->record.tally_ns < TALLY_PERIOD_MS * 1000000ull)
		return;
	thread->record.tally_ns = now;
	probe_hakmem_tally((uintptr_t)&thread->record, sizeof(thread->record));
}

static inline void visit_end(struct thread *thread)
{
	bool others_due = !(thread->record.cold_visits & TCACHE_VISITS_MASK);
	if (unlikely(others_due) && unlikely(probing_hakmem_tally()))
		tally_when_due(thread);
	tally_end(&thread->record);
	if (unlikely(others_due))
		house_keeping(thread);
}

void tcache_visit_begin(struct thread *thread)
{
	visit_begin(thread, true);
}

void tcache_visit_end(struct thread *thread)
{
	visit_end(thread);
}

static void count_sample(struct thread *thread, size_t n, unsigned class, uint64_t *weight)
{
	struct sampler *sampler = &thread->sampler;
	*weight = sample_weight(sampler, n, size_class_size(class), sampler->drawn_at[class]);
	sampler->until[class] = -1;
	sample_count(sampler, os_clock_coarse_ns(), options.sample_bytes);
	thread->record.samples++;
	thread->record.sample_bytes = sampler->distance;
}

/*
 * The malloc that is sampled, guarded or both: its block is seen by every free. NULL when there is
 * no memory, or only the guard wanted it and has no slot; a guarded block that could not be had is
 * not made up for.
 */
static void *malloc_chosen(struct thread *thread, size_t n, unsigned class, uint64_t *weight)
{
	struct sampler *sampler = &thread->sampler;
	bool sampled = sample_is_due(sampler, class);
	void *p = NULL;
	if (sample_guard_is_due(sampler, class)) {
		p = guard_take(n, class, sampled);
		sampler->guard_until[class] = -1;
	}
	if (!p && sampled)
		p = span_take_sampled(class);
	if (p && sampled)
		count_sample(thread, n, class, weight);
	return p;
}

static inline void *malloc_from_stock(struct thread *thread, unsigned class, enum hak_route *route)
{
	struct hak_slot *slot = &tcache_slots[class];
	*route = restock(thread, class);
	if (unlikely(*route == HAK_ROUTE_COUNT))
		return NULL;
	void **top = (void **)slot->top - 1;
	look_for_double_free(class, *top, (const void *const *)top, depth_of(slot) - 1);
	if (unlikely(CHECKS_RESERVE || shares_lines(class)))
		stir(slot, CHECKS_RESERVE ? draw() : thread->record.cold_visits);
	slot->top = (uintptr_t)top;
	return checks_issue(*top, class * SLOT_BYTES);
}

/* The profile secure: no magazines, each block is checked. Its visits are all watched ones. */
static inline bool is_checked(const struct thread *thread, unsigned class, const bool watched)
{
	return (watched && thread->sampler.always) || checks_one_by_one(class);
}

static cold_path void *malloc_checked(unsigned class, enum hak_route *route)
{
	*route = HAK_ROUTE_CHECKED;
	return secure_take(class);
}

static inline void *visit_malloc(struct thread *thread, size_t n, unsigned class,
                                 const bool watched)
{
	struct hak_class_record *record = record_of(thread, class);
	enum hak_route route = HAK_ROUTE_SAMPLED;
	uint64_t weight = 0;
	void *p = NULL;
	if (watched)
		probe_hakmem_cold_begin(0, class);
	visit_begin(thread, watched);
	account(thread, class, watched);
	record->cold_mallocs++;
	if (watched && sample_until(&thread->sampler, class) == 0)
		p = malloc_chosen(thread, n, class, &weight);
	if (!p)
		p = is_checked(thread, class, watched) ? malloc_checked(class, &route)
		                                       : malloc_from_stock(thread, class, &route);
	if (watched) /* the lines that chose it are drawn anew */
		sample_pass(&thread->sampler, class, 1);
	if (likely(p)) {
		record->mallocs++;
		record->route[route] += route != HAK_ROUTE_MAGAZINE;
	}
	grant(thread, class, watched);
	visit_end(thread);
	if (watched && weight)
		probe_otel_memory_alloc((uintptr_t)p, n, weight);
	if (watched)
		probe_hakmem_cold_end(route, class);
	return p;
}

static cold_path void *malloc_watched(struct thread *thread, size_t n, unsigned class)
{
	return visit_malloc(thread, n, class, true);
}

void *tcache_malloc(struct thread *thread, size_t n, unsigned class)
{
	if (visit_is_watched(thread))
		return malloc_watched(thread, n, class);
	return visit_malloc(thread, n, class, false);
}

static inline void visit_free(struct thread *thread, void *p, unsigned class, const bool watched)
{
	struct hak_class_record *record = record_of(thread, class);
	struct hak_slot *slot = &tcache_slots[class];
	if (watched)
		probe_hakmem_cold_begin(1, class);
	visit_begin(thread, watched);
	account(thread, class, watched);
	record->cold_frees++;
	record->frees++;
	look_for_double_free(class, p, (const void *const *)slot->top, depth_of(slot));
	const bool checked = is_checked(thread, class, watched);
	if (!checked)
		checks_retire(p, class * SLOT_BYTES);
	bool kept = !checked && make_room(thread, class);
	if (likely(kept)) {
		*(void **)slot->top = p;
		slot->top += sizeof(void *);
		if (CHECKS_RESERVE)
			stir(slot, draw());
	}
	grant(thread, class, watched);
	visit_end(thread);
	if (checked)
		secure_give(class, p);
	else if (unlikely(!kept))
		span_drain(class, &p, 1);
	if (watched)
		probe_hakmem_cold_end(HAK_ROUTE_MAGAZINE, class);
}

static cold_path void free_watched(struct thread *thread, void *p, unsigned class)
{
	visit_free(thread, p, class, true);
}

void tcache_free(struct thread *thread, void *p, unsigned class)
{
	if (visit_is_watched(thread))
		free_watched(thread, p, class);
	else
		visit_free(thread, p, class, false);
}

/*
 * What the last owner of this cache had in stock is this thread's. No credit yet: each class begins
 * with a cold visit, which looks whether anybody samples.
 */
static void take_over_stock(struct thread *thread)
{
	for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++) {
		struct tcache_class *cache = &thread->classes[class];
		if (!cache->loaded)
			continue;
		load(thread, class, cache->loaded, cache->loaded->count);
		record_of(thread, class)->mark = (int64_t)depth_of(&tcache_slots[class]);
	}
}

/* The magazines stay where they are, but no longer in this thread's slots. */
static void leave_stock(struct thread *thread)
{
	for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++) {
		struct hak_slot *slot = &tcache_slots[class];
		struct magazine *loaded = thread->classes[class].loaded;
		if (!loaded)
			continue;
		account(thread, class, true);
		loaded->count = (uint32_t)depth_of(slot);
		*slot = (struct hak_slot){0};
		record_of(thread, class)->granted = record_of(thread, class)->mark = 0;
	}
}

/* What is compared with the counts of a thread, which begin anew with the next one. */
static void forget_counts(struct thread *thread)
{
	for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++) {
		struct tcache_class *cache = &thread->classes[class];
		if (cache->seen_mallocs | cache->room_mallocs | cache->afresh_mallocs)
			cache->seen_mallocs = cache->room_mallocs = cache->afresh_mallocs = 0;
	}
}

static struct thread *take_spare(void)
{
	lock_take(&spare_lock);
	struct thread *thread = spares;
	if (thread) {
		spares = thread->next_free;
		gauge_add(stocked, -(unsigned)thread->stocked);
		thread->stocked = false;
	}
	lock_give(&spare_lock);
	return thread;
}

struct thread *tcache_enter(void)
{
	if (exited)
		return NULL;
	struct thread *thread = take_spare();
	if (!thread) {
		reap_when_many();
		thread = take_spare();
	}
	if (!thread)
		thread = meta_take(sizeof(*thread));
	if (!thread)
		return NULL;
	memset(&thread->record, 0, offsetof(struct hak_thread_record, classes));
	tcache_slots[TCACHE_SLOTS - 1].credit += CHECKS_RESERVE ? (int64_t)os_random() : 0;
	thread->sampler.always = options.profile == PROFILE_SECURE;
	sample_begin(&thread->sampler, os_random());
	sample_guard(&thread->sampler, guard_one_in());
	tally_enter(&thread->record, tcache_slots);
	thread->disturbed = 0;
	thread->bare_seq = 1;
	thread->claim = (struct lock){0}; /* who ended may have had it */
	thread->trimmed_ns = thread->record.start_ns;
	thread->growths = decay_growths();
	take_over_stock(thread);
	measure_crowd();
	tcache_self = thread;
	life_begin(&thread->life); /* may allocate; the cache is usable */
	probe_hakmem_thread_start((uintptr_t)&thread->record);
	return thread;
}

static void give_up_all(struct thread *thread, bool drain)
{
	for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++) {
		struct tcache_class *cache = &thread->classes[class];
		account(thread, class, true);
		if (!cache->loaded && !cache->previous)
			continue;
		give_up(thread, class, unload(thread, class), drain);
		give_up(thread, class, cache->previous, drain);
		cache->previous = NULL;
		cache->goal = 0;
		cache->ample = UINT32_MAX;
		grant(thread, class, true);
	}
}

void tcache_flush_own(struct thread *thread)
{
	if (thread) {
		visit_begin(thread, true);
		give_up_all(thread, true);
		visit_end(thread);
	}
	reap_threads();
	trim_spares(UINT64_MAX);
}

void tcache_flush_all(struct thread *thread)
{
	uint32_t trims = idle_trims();
	tcache_flush_own(thread);
	idle_trim_all(thread, trims);
}

size_t tcache_depth(void)
{
	size_t depth = 0;
	for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++)
		depth += depth_of(&tcache_slots[class]);
	return depth;
}

/*
 * Whether one more cache may wait with its stock; counts it, then. The other profiles do without:
 * for memory, and because blocks are checked when they go back to their spans.
 */
static bool keep_stock(void)
{
	bool keep = false;
	if (options.profile != PROFILE_SPEED)
		return false;
	lock_take(&spare_lock);
	if (stocked < CROWD) {
		gauge_add(stocked, 1);
		keep = true;
	}
	lock_give(&spare_lock);
	return keep;
}

void tcache_leave(void)
{
	struct thread *thread = tcache_self;
	exited = true;
	if (!thread)
		return;
	tcache_self = NULL; /* a free from here on goes block by block */
	bool keep = keep_stock();
	idle_begin(thread);
	if (keep)
		leave_stock(thread);
	else
		give_up_all(thread, false);
	forget_counts(thread);
	probe_hakmem_tally((uintptr_t)&thread->record, sizeof(thread->record));
	probe_hakmem_thread_exit((uintptr_t)&thread->record);
	tally_leave(&thread->record);
	tally_end(&thread->record);
	measure_crowd();
	thread->stocked = keep;
	life_end(&thread->life);
	thread->left_ns = os_clock_coarse_ns();
	put_spare(thread);
}

void tcache_abandon(void)
{
	exited = true;
	tcache_self = NULL;
	memset(tcache_slots, 0, HAK_CLASS_COUNT * sizeof(*tcache_slots));
}

void tcache_lock(void)
{
	lock_take(&spare_lock);
}

void tcache_unlock(void)
{
	lock_give(&spare_lock);
}

void tcache_fork_child(bool others)
{
	struct thread *self = tcache_self;
	if (others) {
		reap_after_fork(self);
		tally_fork_child(self ? &self->record : NULL);
	}
	if (!self)
		return;
	self->record.tid = os_tid();
	life_renew(&self->life);
}

/* --- checks ----------------------------------------------------------------------------------- */

/* Of a class whose stock nobody is at: others may have emptied cells from the first one on. */
static bool slot_is_valid(const struct hak_slot *slot, const struct magazine *loaded)
{
	uintptr_t cells = (uintptr_t)loaded->cells;
	int64_t depth = (int64_t)(slot->top - slot->base) / (int64_t)sizeof(void *);
	return slot->base >= cells && slot->top >= slot->base && slot->limit >= slot->top &&
	       slot->limit <= cells + loaded->capacity * sizeof(void *) &&
	       slot->top % sizeof(void *) == 0 && slot->credit <= depth &&
	       (slot->credit <= 0 || slot->credit + CHECKS_RESERVE <= depth) &&
	       (depth + 1 > CHECKS_RESERVE || slot->limit == slot->top);
}

bool tcache_class_is_valid(const struct thread *thread, unsigned class)
{
	const struct tcache_class *cache = &thread->classes[class];
	const struct hak_slot *slots = (const struct hak_slot *)thread->record.slots;
	if (cache->previous && !magazine_is_valid(cache->previous))
		return false;
	if (cache->goal > MAGAZINE_CELLS_MAX || (cache->loaded && cache->loaded == cache->previous))
		return false;
	if (!slots)
		return !cache->loaded || magazine_is_valid(cache->loaded);
	return cache->loaded ? slot_is_valid(&slots[class], cache->loaded)
	                     : slots[class].top == slots[class].limit && slots[class].credit <= 0;
}

bool tcache_is_valid(const struct thread *thread)
{
	const struct hak_slot *slots = (const struct hak_slot *)thread->record.slots;
	for (unsigned class = 1; class < HAK_CLASS_COUNT; class ++)
		if (!tcache_class_is_valid(thread, class))
			return false;
	return !slots || (!(thread->record.seq & 1) && sample_is_valid(&thread->sampler) &&
	                  slots[0].credit <= 0 && slots[0].top == slots[0].limit);
}

void tcache_each_spare(void (*visit)(struct thread *thread, void *about), void *about)
{
	for (struct thread *thread = spares; thread; thread = thread->next_free)
		visit(thread, about);
}
