/* SPDX-License-Identifier: MIT */
/* The cold side of the API: finds out what a request or pointer is and hands it to the module
 * concerned. */
#include "alloc.h"

#include <errno.h>
#include <string.h>

#include "arena.h"
#include "decay.h"
#include "guard.h"
#include "hakmem.h"
#include "init.h"
#include "large.h"
#include "libc.h"
#include "misuse.h"
#include "options.h"
#include "os.h"
#include "probe.h"
#include "secure.h"
#include "shortage.h"
#include "span.h"
#include "tally.h"

/* `p` is none of our blocks: is it glibc's, then, or wrong? Aborts when it cannot be glibc's. */
static void require_foreign(const void *p)
{
	if (arena_owns(p) || !libc_is_there())
		misuse_report(MISUSE_NOT_OURS, p, 0);
}

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

/* --- without a thread cache: checked mode, threads that are exiting --------------------------- */

static void *orphan_malloc(unsigned class)
{
	void *p = NULL;
	size_t fresh = 0;
	if (secure_is_on())
		p = secure_take(class);
	else
		span_fill(class, &p, 1, &fresh);
	if (!p)
		return NULL;
	tally_orphan(class, HAK_ROUTE_CHECKED, 1, 0, 0, 0);
	return p;
}

static void orphan_free(void *p, unsigned class)
{
	if (secure_is_on())
		secure_give(class, p);
	else
		span_drain(class, &p, 1);
	tally_orphan(class, HAK_ROUTE_CHECKED, 0, 1, 0, 0);
}

/* --- class 0: large and over-aligned blocks --------------------------------------------------- */

static void count_large(struct thread *thread, const struct large *block, enum hak_route route)
{
	if (!thread) {
		tally_orphan(0, route, 1, 0, block->bytes, 0);
		return;
	}
	struct hak_class_record *record = &thread->record.classes[0];
	record->mallocs++;
	record->cold_mallocs++;
	record->route[route]++;
	thread->record.large_bytes += block->bytes;
}

static void sample_large(struct thread *thread, struct large *block, size_t n)
{
	struct sampler *sampler = &thread->sampler;
	uint64_t distance = sampler->distance;
	if (likely(!sample_once(sampler, block->bytes)))
		return;
	large_set_sampled(block, true);
	thread->record.samples++;
	probe_otel_memory_alloc((uintptr_t)block->base, n,
	                        sample_weight(sampler, n, block->bytes, distance));
}

enum large_use { LARGE_PLAIN, LARGE_CLEARED, LARGE_GROWING };

/* False also for what no address space holds. */
static inline bool take_large(struct thread *thread, size_t n, size_t align, enum large_use use,
                              struct large *block, bool *zeroed)
{
	bool growing = use == LARGE_GROWING;
	if (n > PTRDIFF_MAX)
		return false;
	return large_take(n, align, growing, block, zeroed) ||
	       (shortage_relieve(thread) && large_take(n, align, growing, block, zeroed));
}

static void *large_malloc(struct thread *thread, size_t n, size_t align, enum large_use use)
{
	struct large block;
	bool zeroed;
	enum hak_route route =
	        align > GRANULE_SIZE || n <= MEDIUM_MAX ? HAK_ROUTE_ALIGNED : HAK_ROUTE_LARGE;
	if (!take_large(thread, n, align, use, &block, &zeroed))
		return no_memory();
	probe_hakmem_cold_begin(0, 0);
	if (thread)
		tcache_visit_begin(thread);
	count_large(thread, &block, route);
	if (thread) {
		tcache_visit_end(thread);
		sample_large(thread, &block, n);
	}
	if (use == LARGE_CLEARED && !zeroed)
		large_clear(&block, n);
	probe_hakmem_cold_end(route, 0);
	return block.base;
}

static void large_free(struct thread *thread, const struct large *block)
{
	if (unlikely(block->sampled))
		probe_otel_memory_free((uintptr_t)block->base);
	if (thread) {
		tcache_visit_begin(thread);
		thread->record.classes[0].frees++;
		thread->record.classes[0].cold_frees++;
		thread->record.large_freed += block->bytes;
		tcache_visit_end(thread);
	} else {
		tally_orphan(0, HAK_ROUTE_LARGE, 0, 1, 0, block->bytes);
	}
	large_give(block);
	decay_when_due(os_clock_coarse_ns()); /* large frees are few, and what they leave behind is
	                                         large */
}

/* --- sampled and guarded blocks --------------------------------------------------------------- */

/* The span of a sampled block's, if that is what `p` is in. */
static struct span *sampled_span_of(const void *p)
{
	struct span *span = arena_span_of(p);
	return span && span->kind == SPAN_SAMPLED ? span : NULL;
}

static void count_sampled_free(struct thread *thread, unsigned class)
{
	if (!thread) {
		tally_orphan(class, HAK_ROUTE_SAMPLED, 0, 1, 0, 0);
		return;
	}
	tcache_visit_begin(thread);
	thread->record.classes[class].frees++;
	thread->record.classes[class].cold_frees++;
	tcache_visit_end(thread);
}

static void sampled_free(struct thread *thread, struct span *span, void *p)
{
	unsigned class = span->class;
	probe_otel_memory_free((uintptr_t)p); /* before the address can be handed out again */
	span_give_sampled(span, p);
	count_sampled_free(thread, class);
}

static void guarded_free(struct thread *thread, void *p)
{
	struct guarded block;
	guard_find(p, &block);
	if (block.sampled)
		probe_otel_memory_free((uintptr_t)p);
	guard_give(p);
	count_sampled_free(thread, block.class);
}

/* --- malloc ----------------------------------------------------------------------------------- */

struct alloc_doors alloc_doors __attribute__((section(".data.rel.ro.doors"), aligned(32))) = {
        alloc_malloc_cold, alloc_free_cold, alloc_calloc_cold};

static void *calloc_libc(size_t n)
{
	return __libc_calloc(1, n);
}

/* Where memory cannot be made writable the doors stay, and each call asks for the mode. */
static void open_doors_to_libc(void)
{
	uintptr_t page = (uintptr_t)&alloc_doors & ~(uintptr_t)(PAGE_SIZE - 1);
	if (os_protect((void *)page, PAGE_SIZE, true))
		return;
	gauge_set(alloc_doors.malloc, __libc_malloc);
	gauge_set(alloc_doors.free, __libc_free);
	gauge_set(alloc_doors.calloc, calloc_libc);
}

/* What waits for blocks that are chosen to be guarded or sampled. */
static void *malloc_reserved(size_t n, unsigned class)
{
	void *p = NULL;
	if (guard_one_in() && size_class_size(class) <= GUARD_BLOCK_MAX)
		p = guard_take(n, class, false);
	if (!p && span_has_sampled(class))
		p = span_take_sampled(class);
	if (p)
		tally_orphan(class, HAK_ROUTE_SAMPLED, 1, 0, 0, 0);
	return p;
}

/* Where there is no room for spans: a run of an arena, or a mapping of its own. Never sampled. */
static void *malloc_apart(unsigned class)
{
	struct large block;
	bool zeroed;
	if (!large_take(size_class_size(class), PAGE_SIZE, false, &block, &zeroed))
		return no_memory();
	tally_orphan(0, HAK_ROUTE_ALIGNED, 1, 0, block.bytes, 0);
	return block.base;
}

/* There was no memory. For a block alone there may be where there is none for a magazine. */
static cold_path void *malloc_short(struct thread *thread, size_t n, unsigned class)
{
	void *p = NULL;
	if (shortage_relieve(thread))
		p = thread ? tcache_malloc(thread, n, class) : orphan_malloc(class);
	if (!p && thread)
		p = orphan_malloc(class);
	if (!p)
		p = malloc_reserved(n, class);
	if (!p)
		p = shortage_malloc(n, class);
	return p ? p : malloc_apart(class);
}

/*
 * The continuations do nothing but choose a tail call: with a thread cache, or the thread has no
 * cache yet, or none in this mode.
 */
static cold_path void *malloc_outside(size_t n, bool cleared)
{
	struct thread *thread = init_thread();
	if (init_mode() == HAK_MODE_FORCE_LIBC) {
		open_doors_to_libc();
		return cleared ? calloc_libc(n) : __libc_malloc(n);
	}
	unsigned class = size_class_of_request(n);
	if (!class)
		return large_malloc(thread, n, ALIGN_MIN, cleared ? LARGE_CLEARED : LARGE_PLAIN);
	void *p = thread ? tcache_malloc(thread, n, class) : orphan_malloc(class);
	if (unlikely(!p))
		p = malloc_short(thread, n, class);
	return cleared && p ? memset(p, 0, n) : p;
}

static __attribute__((noinline)) void *class_malloc_slow(struct thread *thread, size_t n,
                                                         unsigned class)
{
	void *p = tcache_malloc(thread, n, class);
	return likely(p) ? p : malloc_short(thread, n, class);
}

/* New credit for a well-stocked magazine, or whatever else it takes. NULL: no memory. */
static inline void *class_malloc(struct thread *thread, size_t n, unsigned class)
{
	void *p = tcache_regrant(thread, class);
	return likely(p) ? p : class_malloc_slow(thread, n, class);
}

static __attribute__((noinline)) void *malloc_cached(struct thread *thread, size_t n)
{
	unsigned class = size_class_of_request(n);
	if (unlikely(!class))
		return large_malloc(thread, n, ALIGN_MIN, LARGE_PLAIN);
	return class_malloc(thread, n, class);
}

void *alloc_malloc_cold(size_t n)
{
	struct thread *thread = tcache_self;
	return likely(thread) ? malloc_cached(thread, n) : malloc_outside(n, false);
}

static __attribute__((noinline)) void *calloc_cached(struct thread *thread, size_t n)
{
	unsigned class = size_class_of_request(n);
	if (unlikely(!class))
		return large_malloc(thread, n, ALIGN_MIN, LARGE_CLEARED);
	void *p = class_malloc(thread, n, class);
	return likely(p) ? memset(p, 0, n) : NULL;
}

void *alloc_calloc_cold(size_t n)
{
	struct thread *thread = tcache_self;
	return likely(thread) ? calloc_cached(thread, n) : malloc_outside(n, true);
}

void *alloc_aligned(size_t align, size_t n)
{
	if (align <= ALIGN_MIN)
		return alloc_malloc(n);
	enum hak_mode mode = init_mode();
	if (mode == HAK_MODE_UNINITIALISED)
		mode = init_process();
	if (mode == HAK_MODE_FORCE_LIBC)
		return __libc_memalign(align, n);
	size_t rounded = n < PTRDIFF_MAX ? size_class_aligned(n + size_class_pad, align) : 0;
	if (rounded)
		return alloc_malloc(rounded - size_class_pad);
	struct thread *thread = tcache_self ? tcache_self : init_thread();
	return large_malloc(thread, max_size(n, 1), align, LARGE_PLAIN);
}

/* --- free ------------------------------------------------------------------------------------- */

/* A pointer that no size class owns: large, sampled, guarded, foreign or wrong. */
static void free_unclassed(struct thread *thread, void *p)
{
	struct span *span = sampled_span_of(p);
	if (span) {
		sampled_free(thread, span, p);
		return;
	}
	struct large block;
	if (large_find(p, &block)) {
		large_free(thread, &block);
		return;
	}
	if (guard_owns(p)) {
		guarded_free(thread, p);
		return;
	}
	require_foreign(p);
	__libc_free(p);
}

void alloc_free_sized_cold(void *p, size_t align, size_t n)
{
	if (secure_is_on())
		secure_require_size(p, n, align);
	alloc_doors.free(p);
}

static cold_path void free_outside(void *p)
{
	struct thread *thread = init_thread();
	if (init_mode() == HAK_MODE_FORCE_LIBC) {
		__libc_free(p);
		return;
	}
	unsigned class = address_map_class(p);
	if (!class)
		free_unclassed(thread, p);
	else if (thread)
		tcache_free(thread, p, class);
	else
		orphan_free(p, class);
}

static __attribute__((noinline)) void free_cached(struct thread *thread, void *p)
{
	unsigned class = address_map_class(p);
	if (likely(class))
		tcache_free(thread, p, class);
	else
		free_unclassed(thread, p);
}

void alloc_free_cold(void *p)
{
	struct thread *thread = tcache_self;
	if (unlikely(!p))
		return;
	if (likely(thread))
		free_cached(thread, p);
	else
		free_outside(p);
}

/* --- realloc ---------------------------------------------------------------------------------- */

size_t alloc_usable_size(void *p)
{
	if (!p)
		return 0;
	unsigned class = address_map_class(p);
	if (class) {
		if (secure_is_on())
			secure_require(class, p);
		return size_class_usable(class);
	}
	struct span *span = sampled_span_of(p);
	if (span)
		return size_class_usable(span->class);
	struct large block;
	if (large_find(p, &block))
		return block.bytes;
	if (guard_owns(p))
		return guard_bytes(p);
	require_foreign(p);
	return libc_usable_size(p);
}

/*
 * In secure: the block must be in use, and stays where it is only if a request of that size gets
 * one like it, so that a sized free can be checked.
 */
static cold_path void *move_checked(void *p, unsigned class, size_t n)
{
	secure_require(class, p);
	if (n && size_class_of_request(n) == class)
		return p;
	return alloc_move(p, size_class_usable(class), n);
}

/* No byte is kept: a free (as glibc does), a guarded block of none, or not looked at yet. */
static cold_path void *move_nothing(void *p, size_t size, size_t n)
{
	void *q = NULL;
	if (!size && address_map_class(p))
		return move_checked(p, address_map_class(p), n);
	if (n && !(q = alloc_malloc(n)))
		return NULL;
	alloc_free(p);
	return q;
}

void *alloc_move(void *p, size_t size, size_t n)
{
	size_t kept = min_size(size, n);
	if (unlikely(!kept))
		return move_nothing(p, size, n);
	void *q = n > size && n > MEDIUM_MAX
	                  ? large_malloc(tcache_self, n, ALIGN_MIN, LARGE_GROWING)
	                  : alloc_malloc(n);
	if (unlikely(!q)) /* a block that is to shrink will do as it is */
		return n <= size ? p : NULL;
	memcpy(q, p, kept);
	alloc_free(p);
	return q;
}

/* A change of size is a free and a malloc to whoever watches. */
static void count_resize(struct thread *thread, const struct large *block, size_t old_bytes)
{
	if (!thread) {
		tally_orphan(0, HAK_ROUTE_LARGE, 1, 1, block->bytes, old_bytes);
		return;
	}
	tcache_visit_begin(thread);
	thread->record.classes[0].frees++;
	count_large(thread, block, HAK_ROUTE_LARGE);
	thread->record.large_freed += old_bytes;
	tcache_visit_end(thread);
}

/*
 * Grows or shrinks a large block where it lies or by moving its pages; NULL when it must be copied.
 */
static void *resize_large(struct large *block, size_t n)
{
	struct thread *thread = tcache_self;
	size_t old_bytes = block->bytes;
	if (n <= MEDIUM_MAX || n > PTRDIFF_MAX)
		return NULL;
	if (unlikely(block->sampled && block->huge && round_up(n, PAGE_SIZE) != old_bytes)) {
		probe_otel_memory_free((uintptr_t)block->base);
		large_set_sampled(block, false);
	}
	if (!large_resize(block, n))
		return NULL;
	if (block->bytes != old_bytes) {
		count_resize(thread, block, old_bytes);
		if (thread)
			sample_large(thread, block, n);
	}
	return block->base;
}

static void *realloc_libc(void *p, size_t n)
{
	struct thread *thread = tcache_self;
	if (thread) {
		tcache_visit_begin(thread);
		thread->record.classes[0].mallocs++;
		thread->record.classes[0].frees++;
		thread->record.classes[0].cold_mallocs++;
		thread->record.classes[0].route[HAK_ROUTE_LIBC]++;
		tcache_visit_end(thread);
	}
	return __libc_realloc(p, n);
}

static __attribute__((noinline)) void *realloc_unclassed(void *p, size_t n)
{
	struct span *span = sampled_span_of(p);
	if (span)
		return alloc_move(p, size_class_usable(span->class), n);
	struct large block;
	if (large_find(p, &block)) {
		void *resized = resize_large(&block, n);
		return resized ? resized : alloc_move(p, block.bytes, n);
	}
	if (guard_owns(p))
		return alloc_move(p, guard_bytes(p), n);
	require_foreign(p);
	return realloc_libc(p, n);
}

/* Before the first cold visit `p` can only be glibc's, which is what either way finds. */
void *alloc_realloc_cold(void *p, size_t n)
{
	bool forced = init_mode() == HAK_MODE_FORCE_LIBC;
	return unlikely(forced) ? __libc_realloc(p, n) : realloc_unclassed(p, n);
}

/* --- hakmem.h --------------------------------------------------------------------------------- */

#define PUBLIC __attribute__((visibility("default")))

PUBLIC const char *hak_version(void)
{
	return HAK_VERSION;
}

PUBLIC bool hak_owns(const void *p)
{
	struct large block;
	return p && (address_map_class(p) || sampled_span_of(p) || large_find(p, &block) ||
	             guard_owns(p));
}

PUBLIC int hak_option(const char *name, uint64_t *value)
{
	if (init_mode() == HAK_MODE_UNINITIALISED)
		init_process();
	if (options_value(name, value))
		return 0;
	errno = ENOENT;
	return -1;
}

PUBLIC const char *hak_mode(void)
{
	enum hak_mode mode = init_mode();
	if (mode == HAK_MODE_UNINITIALISED)
		mode = init_process();
	return mode == HAK_MODE_FORCE_LIBC ? "libc"
	       : mode == HAK_MODE_CHECKED  ? "checked"
	                                   : "normal";
}
