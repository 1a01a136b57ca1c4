/* SPDX-License-Identifier: MIT */
/*
 * The simulated kernel: every os_* that has an effect comes here (the linker's --wrap). Addresses,
 * clocks and random numbers follow from the seed; the pages are real ones. It knows what is mapped,
 * and is strict: a call for memory that is not mapped is a failure of the allocator's.
 */
#include "tests/sim/sim.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "alloc/conf.h"
#include "alloc/os.h"

enum {
	REGIONS = 1 << 16,
	HOLES = 64,
	CALLS_MAX = 200000, /* of one operation: it spins */
	OBSTACLES = 80,
	SPARED = 3, /* arenas of a window that is full otherwise */
};

#define FIRST ((uintptr_t)32 << 40) /* where mappings go that may lie anywhere */

struct region {
	uintptr_t start, end;
};

static struct region regions[REGIONS]; /* mapped, by address */
static size_t region_count, mapped;
static struct region holes[HOLES]; /* that the kernel likes to fill again */
static size_t hole_count;
static uintptr_t next_address = FIRST;
static struct region obstacles[OBSTACLES];
static size_t obstacle_count;
static struct random kernel_random;
static uint64_t clock_ns = 1000000000, coarse_ns = 1000000000;
static uint32_t calls[CALL_COUNT];
uint64_t kernel_refused;
bool kernel_holds;

size_t kernel_mapped(void)
{
	return mapped;
}

void kernel_tick(uint64_t ns)
{
	clock_ns += ns;
	coarse_ns = clock_ns - clock_ns % 4000000;
}

static void place_obstacles(void)
{
	uintptr_t window = WINDOW_LAST - WINDOW_FIRST;
	for (unsigned i = 0; i < sim_plan->obstacles; i++) {
		uintptr_t at = WINDOW_FIRST + random_below(&kernel_random, window);
		uintptr_t bytes = (uintptr_t)1 << (12 + random_below(&kernel_random, 24));
		obstacles[obstacle_count++] = (struct region){at, at + bytes};
	}
}

/* All of the window is taken but for a few places somewhere, which only a search finds. */
static void fill_window(void)
{
	uintptr_t range = (WINDOW_LAST - WINDOW_FIRST) >> ARENA_SHIFT;
	uintptr_t at = WINDOW_FIRST + (random_below(&kernel_random, range) << ARENA_SHIFT);
	obstacles[obstacle_count++] = (struct region){0, at};
	obstacles[obstacle_count++] = (struct region){at + SPARED * ARENA_SIZE, (uintptr_t)1 << 46};
}

void kernel_init(void)
{
	kernel_random.state = random_mix(sim_plan->seed ^ 0x6b65726e656cu);
	place_obstacles();
}

/* --- what is mapped ------------------------------------------------------------------------ */

/* The first region that ends behind `at`. */
static size_t region_from(uintptr_t at)
{
	size_t low = 0, high = region_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (regions[middle].end <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_free(uintptr_t start, uintptr_t end)
{
	size_t i = region_from(start);
	return i == region_count || regions[i].start >= end;
}

static bool is_mapped(uintptr_t start, uintptr_t end)
{
	for (size_t i = region_from(start); i < region_count && start < end; i++) {
		if (regions[i].start > start)
			return false;
		start = regions[i].end;
	}
	return start >= end;
}

static void insert(size_t i, struct region region)
{
	if (region_count == REGIONS)
		sim_fail("more than %d mappings", REGIONS);
	memmove(&regions[i + 1], &regions[i], (region_count - i) * sizeof(*regions));
	regions[i] = region;
	region_count++;
}

static void add(uintptr_t start, uintptr_t end)
{
	insert(region_from(start), (struct region){start, end});
	mapped += end - start;
	if (end > next_address)
		next_address = end;
}

static void cut_out(uintptr_t start, uintptr_t end)
{
	for (size_t i = region_from(start); i < region_count && regions[i].start < end;) {
		struct region *r = &regions[i], old = *r;
		uintptr_t from = old.start > start ? old.start : start;
		uintptr_t to = old.end < end ? old.end : end;
		mapped -= to - from;
		if (old.start < from && to < old.end) {
			r->end = from;
			insert(i + 1, (struct region){to, old.end});
			return;
		}
		if (old.start < from) {
			r->end = from;
			i++;
		} else if (to < old.end) {
			r->start = to;
			i++;
		} else {
			memmove(r, r + 1, (--region_count - i) * sizeof(*r));
		}
	}
}

static void require_mapped(const char *what, const void *base, size_t bytes)
{
	uintptr_t start = (uintptr_t)base;
	if (start % PAGE_SIZE || !bytes || !is_mapped(start, start + bytes))
		sim_fail("%s of memory that is not mapped: %p, %zu bytes", what, base, bytes);
}

/* --- what is refused ----------------------------------------------------------------------- */

static bool is_refused(enum call call)
{
	const struct refusals *r = &sim_plan->refusals[call];
	uint32_t n = ++calls[call];
	bool refused = r->from && n >= r->from && (!r->until || n < r->until);
	return refused || random_once_in(&kernel_random, r->once_in);
}

static int refuse(int err)
{
	kernel_refused++;
	sim_report->refused++;
	if (sim_self)
		sim_self->refused = true;
	return -err;
}

static bool is_beyond_limit(size_t more)
{
	return sim_plan->limit && mapped + more > sim_plan->limit;
}

/* Each call is a place at which other threads may go on. */
static void enter_kernel(void)
{
	if (!sim_self)
		return;
	if (++sim_self->calls > CALLS_MAX)
		sim_fail("more than %d system calls in one operation", CALLS_MAX);
	if (!kernel_holds && random_once_in(&sim_self->random, sim_plan->leave))
		thread_leave(THREAD_BUSY);
}

/* --- mappings ------------------------------------------------------------------------------ */

static uintptr_t find_place(size_t bytes, size_t align)
{
	for (size_t i = hole_count; i--;) {
		uintptr_t at = (holes[i].start + align - 1) & ~(align - 1);
		if (at + bytes > holes[i].end || !is_free(at, at + bytes) ||
		    random_once_in(&kernel_random, 4))
			continue;
		holes[i] = holes[--hole_count];
		return at;
	}
	next_address = (next_address + align - 1) & ~(align - 1);
	uintptr_t at = next_address;
	next_address += bytes + random_below(&kernel_random, 4) * PAGE_SIZE;
	return at;
}

static void really_map(uintptr_t at, size_t bytes)
{
	void *p = mmap((void *)at, bytes, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (p != (void *)at)
		sim_fail("the simulator itself gets no memory at %lx: %s", at, strerror(errno));
	add(at, at + bytes);
}

int __wrap_os_map(size_t bytes, size_t align, void **base);
int __wrap_os_map(size_t bytes, size_t align, void **base)
{
	enter_kernel();
	sim_check(bytes && is_power_of_two(align));
	bytes = round_up(bytes, PAGE_SIZE);
	if (is_refused(CALL_MAP) || is_beyond_limit(bytes) || bytes > (size_t)1 << 45)
		return refuse(ENOMEM);
	uintptr_t at = find_place(bytes, align);
	really_map(at, bytes);
	*base = (void *)at;
	return 0;
}

static bool meets_obstacle(uintptr_t start, uintptr_t end)
{
	for (size_t i = 0; i < obstacle_count; i++)
		if (start < obstacles[i].end && obstacles[i].start < end)
			return true;
	return false;
}

int __wrap_os_map_at(void *base, size_t bytes);
int __wrap_os_map_at(void *base, size_t bytes)
{
	uintptr_t at = (uintptr_t)base;
	bool taken = meets_obstacle(at, at + bytes) || !is_free(at, at + bytes);
	if (!taken)
		enter_kernel();
	if (taken || meets_obstacle(at, at + bytes) || !is_free(at, at + bytes))
		return -EEXIST;
	if (is_refused(CALL_MAP_AT) || is_beyond_limit(bytes))
		return refuse(ENOMEM);
	really_map(at, bytes);
	return 0;
}

/* Where what lies in the way of that range ends; 0: nothing does. */
static uintptr_t end_of_obstacle(uintptr_t start, uintptr_t end)
{
	for (size_t i = 0; i < obstacle_count; i++)
		if (start < obstacles[i].end && obstacles[i].start < end)
			return obstacles[i].end;
	return is_free(start, end) ? 0 : regions[region_from(start)].end;
}

int __wrap_os_find_gap(uintptr_t first, uintptr_t end, size_t bytes, size_t align, uintptr_t *gap);
int __wrap_os_find_gap(uintptr_t first, uintptr_t end, size_t bytes, size_t align, uintptr_t *gap)
{
	uintptr_t at = round_up(first, align), obstacle;
	enter_kernel();
	while (at < end && end - at >= bytes && (obstacle = end_of_obstacle(at, at + bytes)))
		at = round_up(obstacle, align);
	*gap = at;
	return at < end && end - at >= bytes ? 0 : -ENOENT;
}

static void note_hole(uintptr_t start, uintptr_t end)
{
	if (start < FIRST)
		return;
	if (hole_count == HOLES)
		memmove(holes, holes + 1, --hole_count * sizeof(*holes));
	holes[hole_count++] = (struct region){start, end};
}

int __wrap_os_unmap(void *base, size_t bytes);
int __wrap_os_unmap(void *base, size_t bytes)
{
	uintptr_t at = (uintptr_t)base;
	bytes = round_up(bytes, PAGE_SIZE);
	enter_kernel();
	require_mapped("munmap", base, bytes);
	if (is_refused(CALL_UNMAP))
		return refuse(ENOMEM);
	munmap(base, bytes);
	cut_out(at, at + bytes);
	note_hole(at, at + bytes);
	return 0;
}

int __wrap_os_remap(void *base, size_t old_bytes, size_t new_bytes, bool may_move, void **new_base);
int __wrap_os_remap(void *base, size_t old_bytes, size_t new_bytes, bool may_move, void **new_base)
{
	uintptr_t at = (uintptr_t)base;
	size_t more = new_bytes > old_bytes ? new_bytes - old_bytes : 0;
	enter_kernel();
	require_mapped("mremap", base, old_bytes);
	if (is_refused(CALL_REMAP) || is_beyond_limit(more) || new_bytes > (size_t)1 << 45)
		return refuse(ENOMEM);
	bool in_place =
	        is_free(at + old_bytes, at + old_bytes + more) && random_below(&kernel_random, 2);
	if (!may_move && !in_place && more)
		return refuse(ENOMEM);
	uintptr_t to = in_place || !more ? at : find_place(new_bytes, PAGE_SIZE);
	void *p =
	        mremap(base, old_bytes, new_bytes, MREMAP_MAYMOVE | MREMAP_FIXED * (to != at), to);
	if (p != (void *)to)
		sim_fail("the simulator itself cannot mremap: %s", strerror(errno));
	cut_out(at, at + old_bytes);
	add(to, to + new_bytes);
	if (to != at)
		note_hole(at, at + old_bytes);
	*new_base = p;
	return 0;
}

int __wrap_os_purge(void *base, size_t bytes);
int __wrap_os_purge(void *base, size_t bytes)
{
	enter_kernel();
	require_mapped("madvise", base, bytes);
	if (is_refused(CALL_PURGE)) { /* half of it may be done */
		size_t part = random_below(&kernel_random, bytes / PAGE_SIZE + 1) * PAGE_SIZE;
		if (part)
			madvise(base, part, MADV_DONTNEED);
		return refuse(ENOMEM);
	}
	return madvise(base, bytes, MADV_DONTNEED) ? -errno : 0;
}

/* Nothing is seen of it but the time that it takes. */
int __wrap_os_populate(void *base, size_t bytes);
int __wrap_os_populate(void *base, size_t bytes)
{
	enter_kernel();
	require_mapped("madvise", base, bytes);
	if (sim_plan->no_populate)
		return -EINVAL;
	return is_refused(CALL_POPULATE) ? refuse(EAGAIN) : 0;
}

/* What is not of a mapping (the doors of alloc.c) is let through. */
int __wrap_os_protect(void *base, size_t bytes, bool accessible);
int __wrap_os_protect(void *base, size_t bytes, bool accessible)
{
	enter_kernel();
	if (is_refused(CALL_PROTECT))
		return refuse(ENOMEM);
	return mprotect(base, bytes, accessible ? PROT_READ | PROT_WRITE : PROT_NONE) ? -errno : 0;
}

void __wrap_os_no_huge_pages(void *base, size_t bytes);
void __wrap_os_no_huge_pages(void *base, size_t bytes)
{
	(void)base;
	(void)bytes;
}

/* --- threads and time ---------------------------------------------------------------------- */

int __wrap_os_barrier_register(void);
int __wrap_os_barrier_register(void)
{
	return sim_plan->no_barrier ? -ENOSYS : 0;
}

int __wrap_os_barrier(void);
int __wrap_os_barrier(void)
{
	enter_kernel();
	if (is_refused(CALL_BARRIER))
		return refuse(ENOMEM);
	threads_barrier();
	return 0;
}

void __wrap_os_wait(uint32_t *word, uint32_t expected);
void __wrap_os_wait(uint32_t *word, uint32_t expected)
{
	if (!sim_self)
		sim_fail("a lock is held that nobody can give back");
	if (__atomic_load_n(word, __ATOMIC_RELAXED) != expected)
		return;
	sim_self->waits_for = word;
	sim_self->expected = expected;
	thread_leave(THREAD_WAITING);
}

void __wrap_os_wake(uint32_t *word);
void __wrap_os_wake(uint32_t *word)
{
	(void)word; /* who waits is looked at when it is its turn */
}

uint64_t __wrap_os_clock_ns(void);
uint64_t __wrap_os_clock_ns(void)
{
	return clock_ns += 50;
}

uint64_t __wrap_os_clock_coarse_ns(void);
uint64_t __wrap_os_clock_coarse_ns(void)
{
	return coarse_ns;
}

uint32_t __wrap_os_tid(void);
uint32_t __wrap_os_tid(void)
{
	return sim_self ? sim_self->tid : 1;
}

uint64_t __wrap_os_random(void);
uint64_t __wrap_os_random(void)
{
	return random_next(&kernel_random);
}

uint64_t __wrap_os_random_layout(void);
uint64_t __wrap_os_random_layout(void)
{
	if (sim_plan->window_full && obstacle_count == sim_plan->obstacles)
		fill_window();
	return random_next(&kernel_random);
}

/* glibc's allocator, the last resort but one, is not simulated: it has no memory. */
void *__wrap_shortage_malloc(size_t n, unsigned class);
void *__wrap_shortage_malloc(size_t n, unsigned class)
{
	(void)n;
	(void)class;
	return NULL;
}

/* Robust mutexes: of each thread one. */
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
	uint32_t *word = (uint32_t *)&mutex->__data.__lock;
	if (*word)
		sim_fail("a mutex is locked twice");
	*word = sim_self ? sim_self->tid : 1;
	if (sim_self)
		sim_self->robust = word;
	return 0;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	mutex->__data.__lock = 0;
	if (sim_self)
		sim_self->robust = NULL;
	return 0;
}

void kernel_end_thread(struct sim_thread *thread)
{
	if (thread->robust)
		*thread->robust = FUTEX_OWNER_DIED;
	thread->robust = NULL;
}

/* All are on the list of the one thread that there is. */
uintptr_t __wrap_os_robust_list(uint32_t tid);
uintptr_t __wrap_os_robust_list(uint32_t tid)
{
	(void)tid;
	return 0;
}

bool __wrap_os_thread_is_gone(uint32_t tid);
bool __wrap_os_thread_is_gone(uint32_t tid)
{
	for (unsigned i = 0; i < sim_plan->threads; i++)
		if (sim_threads[i].state != THREAD_NONE && sim_threads[i].tid == tid)
			return false;
	return true;
}

static bool is_gone(const void *p)
{
	for (unsigned i = 0; i < sim_plan->threads; i++)
		if ((uintptr_t)p - (uintptr_t)sim_threads[i].tls < PAGE_SIZE)
			return !sim_threads[i].tls_there;
	return false;
}

int __wrap_os_copy(void *to, const void *from, size_t bytes);
int __wrap_os_copy(void *to, const void *from, size_t bytes)
{
	enter_kernel();
	if (is_refused(CALL_COPY))
		return refuse(EPERM);
	if (is_gone(from))
		return -EFAULT;
	memcpy(to, from, bytes);
	return 0;
}

/* --- what it says and is told -------------------------------------------------------------- */

void __wrap_os_write_stderr(const char *text, size_t bytes);
void __wrap_os_write_stderr(const char *text, size_t bytes)
{
	char *end = sim_report->text + strlen(sim_report->text);
	snprintf(end, (size_t)(sim_report->text + SIM_TEXT - end), "%.*s", (int)bytes, text);
}

void __wrap_os_each_environment(void (*each)(const char *entry));
void __wrap_os_each_environment(void (*each)(const char *entry))
{
	static const char *const profiles[] = {"speed", "lean", "secure"};
	char text[80];
	snprintf(text, sizeof(text), "HAKMEM_PROFILE=%s", profiles[sim_plan->profile]);
	each(text);
	snprintf(text, sizeof(text), "HAKMEM_FASTLANE_DIRECT=%d", !sim_plan->checked);
	each(text);
	snprintf(text, sizeof(text), "HAKMEM_GUARD=%u", sim_plan->guard);
	each(text);
	snprintf(text, sizeof(text), "HAKMEM_SAMPLE_BYTES=%llu",
	         (unsigned long long)sim_plan->sample_bytes);
	each(text);
	snprintf(text, sizeof(text), "HAKMEM_PURGE_MS=%u", sim_plan->purge_ms);
	each(text);
}
