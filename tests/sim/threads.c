/* SPDX-License-Identifier: MIT */
/*
 * Simulated threads: a stack each, and what is thread-local in this program (all of it is the
 * allocator's) copied in before it runs and out afterwards. Records point to the slots of their
 * thread: to the copy while another one runs. The copy lies in pages of its own, which are taken
 * away when the thread is no more, as the system takes a thread's stack and TLS.
 */
#include "tests/sim/sim.h"

#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "alloc/address_map.h"
#include "alloc/conf.h"
#include "alloc/tally.h"
#include "alloc/tcache.h"

enum { STACK_BYTES = 256 * 1024, FORKED_TIDS = 1 << 20 };

struct sim_thread sim_threads[SIM_THREADS];
struct sim_thread *sim_self;

static char *tls; /* of the one thread that there is */
static const void *tls_image;
static size_t tls_bytes, tls_image_bytes, tls_room, slots_offset;
static void *scheduler;

/* Saves the registers that a call must keep and `*from`, and goes on where `to` was left. */
void threads_switch(void **from, void *to);
__asm__(".text\n"
        ".globl threads_switch\n"
        ".type threads_switch, @function\n"
        "threads_switch:\n\t"
        "pushq %rbp\n\t"
        "pushq %rbx\n\t"
        "pushq %r12\n\t"
        "pushq %r13\n\t"
        "pushq %r14\n\t"
        "pushq %r15\n\t"
        "movq %rsp, (%rdi)\n\t"
        "movq %rsi, %rsp\n\t"
        "popq %r15\n\t"
        "popq %r14\n\t"
        "popq %r13\n\t"
        "popq %r12\n\t"
        "popq %rbx\n\t"
        "popq %rbp\n\t"
        "ret\n"
        ".size threads_switch, . - threads_switch\n");

static int find_tls(struct dl_phdr_info *info, size_t bytes, void *about)
{
	(void)bytes;
	(void)about;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		if (header->p_type != PT_TLS)
			continue;
		tls = info->dlpi_tls_data;
		tls_bytes = header->p_memsz;
		tls_image = (const void *)(info->dlpi_addr + header->p_vaddr);
		tls_image_bytes = header->p_filesz;
	}
	return 1; /* the first object is the program */
}

static char *map_pages(size_t bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		sim_fail("the simulator itself gets no memory");
	return p;
}

void threads_init(void)
{
	dl_iterate_phdr(find_tls, NULL);
	slots_offset = (size_t)((char *)tcache_slots - tls);
	sim_check(tls && slots_offset + sizeof(tcache_slots) <= tls_bytes);
	tls_room = (tls_bytes + PAGE_SIZE - 1) & ~(size_t)(PAGE_SIZE - 1);
	for (unsigned i = 0; i < sim_plan->threads; i++) {
		struct sim_thread *thread = &sim_threads[i];
		thread->index = i;
		thread->tls = map_pages(tls_room);
		thread->stack = map_pages(STACK_BYTES);
		mprotect(thread->stack, PAGE_SIZE, PROT_NONE);
	}
}

struct hak_slot *thread_slots(const struct sim_thread *thread)
{
	return (struct hak_slot *)(thread->tls + slots_offset);
}

/* Records that say `from` say `to`. */
static void move_slots(struct sim_thread *thread, const void *from, const void *to)
{
	struct hak_thread_record *record = thread->cache ? &thread->cache->record : NULL;
	if (record && record->slots == (uintptr_t)from) {
		record->slots = (uintptr_t)to;
		return;
	}
	for (record = tally_first(); record; record = tally_next(record))
		if (record->slots == (uintptr_t)from && record->tid == thread->tid)
			record->slots = (uintptr_t)to;
}

static void swap_in(struct sim_thread *thread)
{
	memcpy(tls, thread->tls, tls_bytes);
	if (thread->cache || thread->state != THREAD_IDLE)
		move_slots(thread, thread_slots(thread), tcache_slots);
	sim_self = thread;
}

static void swap_out(struct sim_thread *thread)
{
	thread->cache = tcache_self;
	memcpy(thread->tls, tls, tls_bytes);
	if (thread->cache || thread->state == THREAD_BUSY || thread->state == THREAD_WAITING)
		move_slots(thread, tcache_slots, thread_slots(thread));
	sim_self = NULL;
}

/* What a thread is resumed for while it is idle. */
static const struct op *next_op;

static _Noreturn void thread_main(void)
{
	for (;;) {
		op_run(next_op);
		thread_leave(THREAD_IDLE);
	}
}

void thread_start(struct sim_thread *thread)
{
	static uint32_t tids = 1000;
	mprotect(thread->tls, tls_room, PROT_READ | PROT_WRITE);
	memset(thread->tls, 0, tls_room);
	memcpy(thread->tls, tls_image, tls_image_bytes);
	void **top = (void **)(thread->stack + STACK_BYTES);
	*--top = NULL; /* as if thread_main had been called: 16 bytes aligned, and no frame above */
	*--top = (void *)(uintptr_t)thread_main;
	top -= 6;
	memset(top, 0, 6 * sizeof(*top));
	thread->stack_pointer = top;
	thread->state = THREAD_IDLE;
	thread->cache = NULL;
	thread->tid = ++tids;
	thread->exited = false;
	thread->robust = NULL;
	thread->tls_there = true;
	sim_report->threads++;
}

void thread_leave(enum thread_state state)
{
	struct sim_thread *self = sim_self;
	self->state = state;
	sim_report->switches += state != THREAD_IDLE;
	threads_switch(&self->stack_pointer, scheduler);
}

bool thread_can_run(const struct sim_thread *thread)
{
	return thread->state != THREAD_NONE &&
	       (thread->state != THREAD_WAITING ||
	        __atomic_load_n(thread->waits_for, __ATOMIC_RELAXED) != thread->expected);
}

void thread_resume(struct sim_thread *thread, const struct op *op)
{
	next_op = op;
	swap_in(thread);
	threads_switch(&scheduler, thread->stack_pointer);
	swap_out(thread);
}

static void lose(const struct sim_thread *thread)
{
	if (!thread->cache)
		return;
	oracle_lose_counts(thread->cache, thread_slots(thread));
	walk_lose(thread->cache, thread_slots(thread));
}

void thread_vanish(struct sim_thread *thread)
{
	lose(thread);
	kernel_end_thread(thread);
	thread->tls_there = false;
	thread->state = THREAD_NONE;
	thread->cache = NULL;
	memset(thread->tls, 0xee, tls_room);
	mprotect(thread->tls, tls_room, PROT_NONE);
}

bool threads_settle(void)
{
	for (;;) {
		bool busy = false, moved = false;
		for (unsigned i = 0; i < sim_plan->threads; i++) {
			struct sim_thread *thread = &sim_threads[i];
			if (thread->state != THREAD_BUSY && thread->state != THREAD_WAITING)
				continue;
			busy = true;
			if (thread_can_run(thread)) {
				thread_resume(thread, NULL);
				moved = true;
			}
		}
		if (!busy)
			return true;
		if (!moved)
			return false;
	}
}

void threads_barrier(void)
{
	for (unsigned i = 0; i < sim_plan->threads; i++) {
		struct cut *cut = &sim_threads[i].cut;
		if (!cut->pending || &sim_threads[i] == sim_self)
			continue;
		thread_slots(&sim_threads[i])[cut->class].credit = cut->value;
		cut->pending = false;
		cut->mallocs = cut->frees = cut->value >= 0;
	}
}

void threads_forked(void)
{
	sim_self->tid += FORKED_TIDS;
	for (unsigned i = 0; i < sim_plan->threads; i++) {
		struct sim_thread *thread = &sim_threads[i];
		if (thread == sim_self || thread->state == THREAD_NONE)
			continue;
		run_lenient |= thread->state == THREAD_BUSY || thread->state == THREAD_WAITING;
		lose(thread);
		if (thread->cut.hand)
			walk_lose_block(thread->cut.hand);
		run_lenient |= thread->cut.hand && !address_map_class(thread->cut.hand);
		thread->state = THREAD_NONE;
		thread->cache = NULL;
		thread->cut = (struct cut){0};
	}
}
