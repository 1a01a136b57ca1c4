/* SPDX-License-Identifier: MIT */
/*
 * A sample's registers and slice of stack are handed to libdwfl as if they were a stopped thread.
 * The process runs on meanwhile, so its present stack says nothing about the sample: only the slice
 * is read. Unwinding never needs other memory, the tables come from the ELF files.
 */
#include "tools/symbols/unwind.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/clock.h"
#include "tools/base/intern.h"
#include "tools/base/interrupt.h"
#include "tools/symbols/modules.h"
#include "tools/symbols/perf_map.h"

enum {
	CACHE_FIRST = 1024, /* slots; power of two */
	CACHE_LARGEST =
	        1 << 21, /* then it starts anew: code that comes and goes must not fill memory */
	RSP = 7,         /* DWARF numbers */
	RIP = 16,
	POPPED_BYTES = 64, /* there are fewer registers to restore */
	ENTRY_BYTES = 64,  /* _start is no longer than that */
	ENTER_NS = 2000000000,
	ENTER_LAST_NS = 100000000, /* when we are to end */
};

/* What is known of one address; dropped when modules come or go. */
struct cached {
	uint64_t address;        /* 0: free slot; no code is there */
	const char *name;        /* NULL until asked for */
	struct inlined *inlined; /* NULL: none, or not asked for */
	enum { START_UNKNOWN, START_NO, START_YES } start;
	enum { CFI_UNKNOWN, CFI_NO, CFI_YES } cfi;
	bool looked_inside; /* for inlined functions */
};

/* Names of the functions inlined at an address. */
struct inlined {
	size_t count;
	const char *names[];
};

/* The sample that libdwfl's callbacks work on. */
struct walk {
	const struct hak_stack *stack;
	uint64_t *ips;
	size_t count;
	bool complete;
	bool missed;   /* an address was in no code that is known */
	bool is_stuck; /* the frame before has no call frame information, and nothing else may do */
	uint64_t wanted; /* bytes of slice, of the last read that failed; 0 none */
};

struct unwinder {
	pthread_mutex_t lock; /* libdwfl is not thread-safe, and neither is what is below */
	atomic_bool busy;     /* it could not be had, the last time that somebody waited for it */
	enum unwind_mode mode;
	struct perf_map *jit;
	struct intern *names;
	struct modules *modules;
	struct cached *cache;
	size_t mask; /* slots - 1 */
	size_t used;
	pid_t tid;
	struct walk walk;
};

/* --- addresses -------------------------------------------------------------------------------- */

static void cache_clear(struct unwinder *u)
{
	for (size_t i = 0; i <= u->mask; i++)
		free(u->cache[i].inlined);
	memset(u->cache, 0, (u->mask + 1) * sizeof(*u->cache));
	u->used = 0;
}

static struct cached *cache_slot(struct cached *slots, size_t mask, uint64_t address)
{
	size_t at = (size_t)(address * 0x9e3779b97f4a7c15ull >> 32) & mask;
	while (slots[at].address && slots[at].address != address)
		at = (at + 1) & mask;
	return &slots[at];
}

/* Keeps at least half of the slots free; when there is no memory for more, forgets instead. */
static void cache_make_room(struct unwinder *u)
{
	size_t count = 2 * (u->mask + 1);
	if (2 * (u->used + 1) <= u->mask + 1)
		return;
	struct cached *larger = count <= CACHE_LARGEST ? calloc(count, sizeof(*larger)) : NULL;
	if (!larger) {
		cache_clear(u);
		return;
	}
	for (size_t i = 0; i <= u->mask; i++)
		if (u->cache[i].address)
			*cache_slot(larger, count - 1, u->cache[i].address) = u->cache[i];
	free(u->cache);
	u->cache = larger;
	u->mask = count - 1;
}

static struct cached *cached(struct unwinder *u, uint64_t address)
{
	struct cached *slot = cache_slot(u->cache, u->mask, address);
	if (slot->address)
		return slot;
	cache_make_room(u);
	slot = cache_slot(u->cache, u->mask, address);
	*slot = (struct cached){.address = address};
	u->used++;
	return slot;
}

/* --- where stacks start ----------------------------------------------------------------------- */

/* 1 when the call frame information of `cfi` says that the function at `address` has no caller, 0
 * when it says how to find the caller, -1 when it does not know the function. */
static int has_no_caller(Dwarf_CFI *cfi, Dwarf_Addr address)
{
	Dwarf_Frame *frame = NULL;
	if (!cfi || dwarf_cfi_addrframe(cfi, address, &frame) != 0)
		return -1;
	Dwarf_Op memory[3], *operations = NULL;
	size_t count = 0;
	int column = dwarf_frame_info(frame, NULL, NULL, NULL);
	int err =
	        column < 0 ? -1 : dwarf_frame_register(frame, column, memory, &operations, &count);
	free(frame);
	/* libdw's way to say "undefined"; NULL operations would be "same value". */
	return err == 0 && count == 0 && operations == memory;
}

/* Entry points that are written in assembly without call frame information. */
static bool is_entry(struct module *module, uint64_t address)
{
	static const char *const names[] = {"_start",       "_dl_start_user", "clone",
	                                    "__clone",      "clone3",         "__clone3",
	                                    "start_thread", "_start_c",       "thread_start"};
	struct symbols *symbols = module__symbols(module);
	const char *name = symbols ? symbols__name(symbols, address) : NULL;
	for (size_t i = 0; name && i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i]))
			return true;
	GElf_Addr bias;
	GElf_Ehdr memory, *header;
	Elf *elf = dwfl_module_getelf(module->dwfl, &bias);
	if (name || !elf || !(header = gelf_getehdr(elf, &memory)) || !header->e_entry)
		return false;
	return address - (header->e_entry + bias) < ENTRY_BYTES;
}

static bool has_cfi(struct unwinder *u, uint64_t address)
{
	struct module *module = modules__find(u->modules, address);
	if (!module)
		return false;
	Dwarf_Addr bias = 0;
	Dwarf_CFI *cfi = dwfl_module_eh_cfi(module->dwfl, &bias);
	if (has_no_caller(cfi, address - bias) >= 0)
		return true;
	cfi = dwfl_module_dwarf_cfi(module->dwfl, &bias);
	return has_no_caller(cfi, address - bias) >= 0;
}

static bool is_described(struct unwinder *u, uint64_t address)
{
	struct cached *slot = cached(u, address);
	if (slot->cfi == CFI_UNKNOWN)
		slot->cfi = has_cfi(u, address) ? CFI_YES : CFI_NO;
	return slot->cfi == CFI_YES;
}

static bool find_start(struct unwinder *u, uint64_t address)
{
	struct module *module = modules__find(u->modules, address);
	if (!module)
		return false;
	Dwarf_Addr bias = 0;
	Dwarf_CFI *cfi = dwfl_module_eh_cfi(module->dwfl, &bias);
	int result = has_no_caller(cfi, address - bias);
	if (result < 0) {
		cfi = dwfl_module_dwarf_cfi(module->dwfl, &bias);
		result = has_no_caller(cfi, address - bias);
	}
	return result < 0 ? is_entry(module, address) : result;
}

/* Whether the function at `address` is a thread's outermost. */
static bool is_start(struct unwinder *u, uint64_t address)
{
	struct cached *slot = cached(u, address);
	if (slot->start == START_UNKNOWN)
		slot->start = find_start(u, address) ? START_YES : START_NO;
	return slot->start == START_YES;
}

/* --- libdwfl's view of the sample ------------------------------------------------------------- */

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread_arg)
{
	(void)dwfl;
	struct unwinder *u = arg;
	if (*thread_arg)
		return 0;
	*thread_arg = u;
	return u->tid;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread_arg)
{
	(void)dwfl, (void)tid;
	*thread_arg = arg;
	return true;
}

/* Where the frame at rip keeps the caller's `column`; false when not at a distance from the CFA. */
static bool saved_at(Dwarf_Frame *frame, const struct hak_stack *stack, int column,
                     uint64_t *address)
{
	Dwarf_Op *cfa, memory[3], *operations;
	size_t count;
	if (dwarf_frame_cfa(frame, &cfa, &count) != 0 || count != 1 || cfa->atom != DW_OP_bregx ||
	    cfa->number >= HAK_STACK_REGS)
		return false;
	*address = stack->regs[cfa->number] + cfa->number2;
	if (dwarf_frame_register(frame, column, memory, &operations, &count) != 0 || count != 2 ||
	    operations[0].atom != DW_OP_call_frame_cfa || operations[1].atom != DW_OP_plus_uconst)
		return false;
	*address += operations[1].number;
	return true;
}

/*
 * In an epilogue compilers go on describing a register as saved on the stack after it was popped,
 * so libdwfl reads below the stack pointer, where the slice has nothing. What was there is in the
 * register again.
 */
static bool popped(struct unwinder *u, uint64_t address, Dwarf_Word *result)
{
	static const int callee_saved[] = {3, 6, 12, 13, 14, 15};
	const struct hak_stack *stack = u->walk.stack;
	uint64_t ip = stack->regs[RIP], where;
	struct module *module = modules__find(u->modules, ip);
	Dwarf_Addr bias = 0;
	Dwarf_CFI *cfi = module ? dwfl_module_eh_cfi(module->dwfl, &bias) : NULL;
	Dwarf_Frame *frame = NULL;
	if (!cfi || dwarf_cfi_addrframe(cfi, ip - bias, &frame) != 0)
		return false;
	bool found = false;
	for (size_t i = 0; i < sizeof(callee_saved) / sizeof(*callee_saved) && !found; i++) {
		found = saved_at(frame, stack, callee_saved[i], &where) && where == address;
		if (found)
			*result = stack->regs[callee_saved[i]];
	}
	free(frame);
	return found;
}

static bool memory_read(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *result, void *arg)
{
	(void)dwfl;
	struct unwinder *u = arg;
	const struct hak_stack *stack = u->walk.stack;
	uint64_t offset = address - stack->regs[RSP];
	if (offset >= -(uint64_t)POPPED_BYTES)
		return popped(u, address, result);
	size_t bytes = stack->bytes < HAK_STACK_SLICE ? stack->bytes : HAK_STACK_SLICE;
	if (bytes < sizeof(*result) || offset > bytes - sizeof(*result)) {
		u->walk.wanted = offset < HAK_STACK_SLICE ? offset + sizeof(*result) : 0;
		return false;
	}
	memcpy(result, stack->slice + offset, sizeof(*result));
	return true;
}

static bool set_initial_registers(Dwfl_Thread *thread, void *arg)
{
	const struct unwinder *u = arg;
	Dwarf_Word registers[HAK_STACK_REGS];
	for (unsigned i = 0; i < HAK_STACK_REGS; i++)
		registers[i] = u->walk.stack->regs[i];
	return dwfl_thread_state_registers(thread, 0, HAK_STACK_REGS, registers);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
        .next_thread = next_thread,
        .get_thread = get_thread,
        .memory_read = memory_read,
        .set_initial_registers = set_initial_registers,
};

static int on_frame(Dwfl_Frame *frame, void *arg)
{
	struct unwinder *u = arg;
	struct walk *walk = &u->walk;
	Dwarf_Addr pc;
	bool exact; /* innermost, or interrupted by a signal: pc is not a return address */
	if (!dwfl_frame_pc(frame, &pc, &exact))
		return DWARF_CB_ABORT;
	uint64_t at = exact ? pc : pc - 1;
	bool innermost = walk->count == 0, code = modules__is_code(u->modules, at);
	if (!code)
		walk->missed = true;
	if ((!code && !innermost) || walk->is_stuck) /* not a frame: the unwinding went astray */
		return DWARF_CB_ABORT;
	walk->ips[walk->count++] = innermost ? pc : at + 1;
	if (code && is_start(u, at)) {
		walk->complete = true;
		return DWARF_CB_ABORT;
	}
	walk->is_stuck = u->mode == UNWIND_DWARF && !is_described(u, at);
	return walk->count < UNWIND_FRAMES_MAX ? DWARF_CB_OK : DWARF_CB_ABORT;
}

/* --- stacks that the kernel has followed ------------------------------------------------------ */

/*
 * libc's functions that run main and a thread's function keep no frame pointer, so that the frames
 * end there. Where they have no name, they are known by what lies next to them: both come just
 * before the public function of their source file.
 */
static bool is_before_start(struct unwinder *u, uint64_t address)
{
	static const struct {
		const char *name;
		uint64_t distance;
	} neighbours[] = {{"__libc_start_main", 512}, {"pthread_create", 4096}};
	struct module *module = modules__find(u->modules, address);
	struct symbols *symbols = module ? module__symbols(module) : NULL;
	const char *name = symbols ? symbols__name(symbols, address) : NULL;
	if (name)
		return !strcmp(name, "__libc_start_call_main") || !strcmp(name, "start_thread") ||
		       !strncmp(name, "__libc_start_main", 17);
	for (size_t i = 0; symbols && i < sizeof(neighbours) / sizeof(*neighbours); i++) {
		uint64_t next = symbols__address(symbols, neighbours[i].name);
		if (next > address && next - address < neighbours[i].distance)
			return true;
	}
	return false;
}

static void take_frames(struct unwinder *u, const struct hak_stack *stack, uint64_t *ips)
{
	struct walk *walk = &u->walk;
	size_t count = stack->frames;
	if (count > stack->bytes / sizeof(*ips))
		count = stack->bytes / sizeof(*ips);
	if (count > UNWIND_FRAMES_MAX)
		count = UNWIND_FRAMES_MAX;
	*walk = (struct walk){.ips = ips};
	for (size_t i = 0; i < count; i++) {
		uint64_t ip, at;
		memcpy(&ip, stack->slice + i * sizeof(ip), sizeof(ip));
		at = ip - (i > 0);
		bool code = modules__is_code(u->modules, at);
		if (!code)
			walk->missed = true;
		if (!code && i > 0)
			break;
		ips[walk->count++] = ip;
		walk->complete = code && (is_start(u, at) || is_before_start(u, at));
		if (walk->complete)
			break;
	}
	if (walk->count == 0)
		ips[walk->count++] = stack->regs[RIP];
}

/*
 * For those who can do without an answer: libdwfl may take for ever over what a process has
 * prepared, and the others are not to wait for that.
 */
static bool enter(struct unwinder *u)
{
	struct timespec end;
	uint64_t wait = interrupt__asked() ? ENTER_LAST_NS : ENTER_NS;

	if (!pthread_mutex_trylock(&u->lock)) {
		atomic_store(&u->busy, false);
		return true;
	}
	if (atomic_load(&u->busy))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &end);
	wait += (uint64_t)end.tv_nsec;
	end.tv_sec += (time_t)(wait / 1000000000);
	end.tv_nsec = (long)(wait % 1000000000);
	if (!pthread_mutex_clocklock(&u->lock, CLOCK_MONOTONIC, &end))
		return true;
	atomic_store(&u->busy, true);
	return false;
}

/* --- the interface ---------------------------------------------------------------------------- */

struct unwinder *unwinder__new(pid_t pid)
{
	struct unwinder *u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	int err = ENOMEM;
	pthread_mutex_init(&u->lock, NULL);
	u->names = intern__new();
	u->cache = calloc(CACHE_FIRST, sizeof(*u->cache));
	u->mask = CACHE_FIRST - 1;
	u->jit = u->names ? perf_map__new(pid, u->names) : NULL;
	if (!u->jit || !u->cache)
		goto fail;
	u->modules = modules__new(pid, u->names);
	if (!u->modules) {
		err = errno;
		goto fail;
	}
	if (!dwfl_attach_state(modules__dwfl(u->modules), modules__elf(u->modules), pid,
	                       &thread_callbacks, u))
		goto fail;
	return u;
fail:
	unwinder__free(u);
	errno = err;
	return NULL;
}

void unwinder__free(struct unwinder *u)
{
	if (!u)
		return;
	if (u->cache)
		cache_clear(u);
	modules__free(u->modules);
	perf_map__free(u->jit);
	intern__free(u->names);
	free(u->cache);
	pthread_mutex_destroy(&u->lock);
	free(u);
}

void unwinder__set_mode(struct unwinder *u, enum unwind_mode mode)
{
	u->mode = mode;
}

static bool refresh(struct unwinder *u, bool missed)
{
	if (!modules__refresh(u->modules, missed))
		return false;
	cache_clear(u);
	return true;
}

static void walk(struct unwinder *u, const struct hak_stack *stack, uint64_t *ips)
{
	u->walk = (struct walk){.stack = stack, .ips = ips};
	/* Its result tells no more than the frames seen: a failed read, too, counts as the end
	 * there. */
	(void)dwfl_getthread_frames(modules__dwfl(u->modules), u->tid, on_frame, u);
	if (u->walk.count == 0) /* out of memory */
		ips[u->walk.count++] = stack->regs[RIP];
}

void unwinder__warm_up(struct unwinder *u, unsigned milliseconds)
{
	const uint64_t end = clock__mono_ns() + milliseconds * 1000000ull;
	pthread_mutex_lock(&u->lock);
	for (struct module *m = modules__first(u->modules); m && clock__mono_ns() < end;
	     m = m->next) {
		if (interrupt__asked())
			break;
		struct symbols *symbols = module__symbols(m);
		const char *name;
		GElf_Addr bias;
		GElf_Ehdr memory, *header;
		Elf *elf = dwfl_module_getelf(m->dwfl, &bias);
		if (!symbols || !elf || !(header = gelf_getehdr(elf, &memory)))
			continue;
		(void)is_described(u, header->e_entry + bias);
		(void)symbols__inlined(symbols, header->e_entry + bias, &name, 1);
	}
	pthread_mutex_unlock(&u->lock);
}

static void follow(struct unwinder *u, const struct hak_stack *stack, uint64_t *ips)
{
	if (stack->frames)
		take_frames(u, stack, ips);
	else
		walk(u, stack, ips);
}

size_t unwinder__unwind(struct unwinder *u, pid_t tid, const struct hak_stack *stack, uint64_t *ips,
                        bool *complete)
{
	pthread_mutex_lock(&u->lock);
	u->tid = tid > 0 ? tid : 1; /* libdwfl takes 0 for the end of the list of threads */
	refresh(u, false);
	follow(u, stack, ips);
	if (u->walk.missed && refresh(u, true))
		follow(u, stack, ips);
	*complete = u->walk.complete;
	size_t count = u->walk.count;
	pthread_mutex_unlock(&u->lock);
	return count;
}

uint32_t unwinder__wanted(struct unwinder *u)
{
	pthread_mutex_lock(&u->lock);
	uint64_t wanted = u->walk.complete ? 0 : u->walk.wanted;
	pthread_mutex_unlock(&u->lock);
	return (uint32_t)wanted;
}

static const char *describe(struct unwinder *u, struct module *module, uint64_t address)
{
	struct symbols *symbols = module__symbols(module);
	if (!symbols)
		return NULL;
	const char *name = symbols__name(symbols, address);
	if (name)
		return name;
	char text[512];
	snprintf(text, sizeof(text), "%.480s+0x%" PRIx64, module->base_name,
	         symbols__function(symbols, address));
	return intern__string(u->names, text);
}

static struct module *find_module(struct unwinder *u, uint64_t address)
{
	struct module *module = modules__find(u->modules, address);
	if (!module && !modules__is_code(u->modules, address) && refresh(u, true))
		module = modules__find(u->modules, address);
	return module;
}

static const char *name_at(struct unwinder *u, uint64_t address)
{
	struct module *module = find_module(u, address);
	/* Not cached: what a JIT compiler puts there changes. */
	const char *made = module ? NULL : perf_map__name(u->jit, address);
	if (!module)
		return made ? made : "[unknown]";
	struct cached *slot = cached(u, address);
	if (!slot->name)
		slot->name = describe(u, module, address);
	return slot->name ? slot->name : "[unknown]";
}

const char *unwinder__symbol(struct unwinder *u, uint64_t ip, bool is_return)
{
	if (!enter(u))
		return "[unknown]";
	const char *name = name_at(u, is_return ? ip - 1 : ip);
	pthread_mutex_unlock(&u->lock);
	return name;
}

static const struct inlined *inlined_at(struct unwinder *u, uint64_t address)
{
	struct module *module = find_module(u, address);
	struct symbols *symbols = module ? module__symbols(module) : NULL;
	if (!symbols)
		return NULL;
	struct cached *slot = cached(u, address);
	if (slot->looked_inside)
		return slot->inlined;
	const char *names[UNWIND_INLINED_MAX - 1];
	size_t count = symbols__inlined(symbols, address, names, UNWIND_INLINED_MAX - 1);
	slot->looked_inside = true;
	slot->inlined = count ? malloc(sizeof(*slot->inlined) + count * sizeof(*names)) : NULL;
	if (slot->inlined) {
		slot->inlined->count = count;
		memcpy(slot->inlined->names, names, count * sizeof(*names));
	}
	return slot->inlined;
}

size_t unwinder__symbols(struct unwinder *u, uint64_t ip, bool is_return,
                         const char *names[UNWIND_INLINED_MAX])
{
	uint64_t address = is_return ? ip - 1 : ip;
	size_t count = 0;
	pthread_mutex_lock(&u->lock);
	const struct inlined *inlined = inlined_at(u, address);
	for (; inlined && count < inlined->count; count++)
		names[count] = inlined->names[count];
	names[count++] = name_at(u, address);
	pthread_mutex_unlock(&u->lock);
	return count;
}

const char *unwinder__module(struct unwinder *u, uint64_t ip)
{
	if (!enter(u))
		return "[unknown]";
	struct module *module = modules__find(u->modules, ip);
	const char *name = module                       ? module->base_name
	                   : perf_map__name(u->jit, ip) ? "[jit]"
	                                                : "[anon]";
	pthread_mutex_unlock(&u->lock);
	return name;
}

static void describe_module(struct module *module, struct unwind_module *result, char build_id[129])
{
	const unsigned char *bytes = NULL;
	GElf_Addr where, bias = 0;
	*result = (struct unwind_module){
	        .start = module->start, .end = module->end, .path = module->path};
	build_id[0] = '\0';
	int count = 0;
	if (dwfl_module_getelf(module->dwfl, &bias))
		count = dwfl_module_build_id(module->dwfl, &bytes, &where);
	for (int i = 0; i < count && i < 64; i++)
		snprintf(build_id + 2 * i, 3, "%02x", bytes[i]);
	result->bias = bias;
	result->build_id = build_id;
}

int unwinder__each_module(struct unwinder *u,
                          int (*visit)(void *context, const struct unwind_module *module),
                          void *context)
{
	int result = 0;
	if (!enter(u))
		return -ETIMEDOUT;
	for (struct module *m = modules__first(u->modules); m && !result; m = m->next) {
		struct unwind_module module;
		char build_id[129];
		describe_module(m, &module, build_id);
		result = visit(context, &module);
	}
	pthread_mutex_unlock(&u->lock);
	return result;
}
