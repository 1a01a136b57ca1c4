/* SPDX-License-Identifier: MIT */
#include "guard.h"

#include <stdlib.h>
#include <string.h>

#include "lock.h"
#include "log.h"
#include "misuse.h"
#include "os.h"
#include "tally.h"

enum {
	STRIDE = 2 * PAGE_SIZE, /* a slot's page and the inaccessible one behind it */
	POOL_BYTES = GUARD_SLOTS * STRIDE + PAGE_SIZE,
	PATTERN = 0xa5,  /* not 0: strings are what overflows most */
	FRAMES_MAX = 12, /* of ours between the program and this module */
	FRAME_BYTES_MAX = 1024,
};

static_assert((GUARD_SLOTS & (GUARD_SLOTS - 1)) == 0, "the queue wraps with its 32-bit counts");
static_assert(GUARD_SLOTS <= 1 << 16, "slots are queued as 16-bit numbers");
static_assert(GUARD_BLOCK_MAX <= PAGE_SIZE, "a block has one page");

enum state { NEVER_USED, IN_USE, FREED };

struct event {
	uint32_t tid;
	uintptr_t caller; /* address in the program that malloc or free returned to; 0: not known */
};

/* What a page holds, or held last. */
struct slot {
	uintptr_t block;
	uint32_t bytes;
	uint8_t state; /* enum state */
	uint8_t class;
	bool sampled;
	struct event taken, given;
};

static struct lock lock; /* of the queue and the random state; never held when a report is made */
static uint16_t queue[GUARD_SLOTS]; /* of free slots: taken at the front, given at the back */
static uint32_t front, back;
static uint64_t random_state;

static struct slot slots[GUARD_SLOTS]; /* who has taken one off the queue may change it */
static uint64_t guarded;

static uintptr_t pool; /* first page, which is inaccessible; set once */
static uint64_t one_in_blocks;

static uintptr_t page_of(unsigned index)
{
	return pool + PAGE_SIZE + (uintptr_t)index * STRIDE;
}

bool guard_owns(const void *p)
{
	return pool && (uintptr_t)p - pool < POOL_BYTES;
}

uint64_t guard_one_in(void)
{
	return one_in_blocks;
}

/* The slot whose page `address`, in the pool, is on; for a page between two the one in front of it,
 * and for the first page the first one. */
static unsigned index_of(uintptr_t address)
{
	uintptr_t offset = address - pool;
	return offset < PAGE_SIZE ? 0 : (unsigned)((offset - PAGE_SIZE) / STRIDE);
}

static void enqueue(unsigned index)
{
	lock_take(&lock);
	queue[back++ % GUARD_SLOTS] = (uint16_t)index;
	hak_assert(back - front <= GUARD_SLOTS);
	lock_give(&lock);
}

/* --- who calls -------------------------------------------------------------------------------- */

extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));

/*
 * The address in the program that the call of malloc or its kin returns to: the first return
 * address that is not in this object's text. On the way there are only frames of ours, whose
 * layout is known; where that seems not to be so, the walk ends before it leaves the frames' near
 * surroundings. In a program that is linked statically all text is one object's: 0.
 */
static __attribute__((noinline)) uintptr_t find_caller(void)
{
	const uintptr_t *frame = __builtin_frame_address(0);
	uintptr_t text = (uintptr_t)__ehdr_start, bytes = (uintptr_t)etext - text;
	for (int i = 0; i < FRAMES_MAX; i++) {
		if (frame[1] - text >= bytes)
			return frame[1];
		uintptr_t next = frame[0];
		if (next % sizeof(*frame) || next <= (uintptr_t)frame ||
		    next - (uintptr_t)frame > FRAME_BYTES_MAX)
			return 0;
		frame = (const uintptr_t *)next;
	}
	return 0;
}

static void note(struct event *event)
{
	event->tid = os_tid();
	event->caller = find_caller();
}

/* --- reports ---------------------------------------------------------------------------------- */

/* Of the one report that a process makes; not on the stack,
 * which may be a small one for signals. */
static bool reporting;
static struct log_line about;
static char file[200];

static void tell_event(const char *what, const struct event *event)
{
	uint64_t offset;
	log_text(&about, what);
	log_number(&about, event->tid);
	if (!event->caller)
		return;
	log_text(&about, " at ");
	log_hex(&about, event->caller);
	if (!os_mapped_file(event->caller, file, sizeof(file), &offset))
		return;
	log_text(&about, " (");
	log_text(&about, file);
	log_text(&about, "+");
	log_hex(&about, offset);
	log_text(&about, ")");
}

/* ", 12 bytes into a block of 40 bytes, allocated by thread 123 at 0x… (FILE+0x…), freed by …" */
static void tell_slot(const struct slot *slot, uintptr_t address)
{
	uintptr_t end = slot->block + slot->bytes;
	bool inside = address >= slot->block && (address < end || address == slot->block);
	log_text(&about, ", ");
	log_number(&about, inside                  ? address - slot->block
	                   : address < slot->block ? slot->block - address
	                                           : address - end);
	log_text(&about, inside                  ? " bytes into a block of "
	                 : address < slot->block ? " bytes in front of a block of "
	                                         : " bytes behind the end of a block of ");
	log_number(&about, slot->bytes);
	tell_event(" bytes, allocated by thread ", &slot->taken);
	if (slot->state == FREED)
		tell_event(", freed by thread ", &slot->given);
}

/* False when another thread reports already. */
static bool begin_report(void)
{
	return !__atomic_exchange_n(&reporting, true, __ATOMIC_ACQUIRE);
}

static void report(enum misuse_kind kind, const struct slot *slot, uintptr_t address)
{
	if (begin_report()) {
		tell_slot(slot, address);
		misuse_write(kind, (const void *)address, 0, about.text);
	}
}

static _Noreturn cold_path void die(enum misuse_kind kind, const struct slot *slot,
                                    uintptr_t address)
{
	if (slot->state == NEVER_USED)
		misuse_report(MISUSE_NOT_OURS, (const void *)address, 0);
	report(kind, slot, address);
	abort();
}

/* How far `address` is from the slot's block, if that is in that state. */
static uintptr_t distance(const struct slot *slot, uintptr_t address, enum state state)
{
	if (slot->state != state)
		return UINTPTR_MAX;
	return address < slot->block ? slot->block - address
	                             : address - (slot->block + slot->bytes);
}

/*
 * The block that an access between two pages was meant for: a living one rather than a freed one,
 * then the nearer one. NULL when there was none in either page.
 */
static const struct slot *neighbour_of(uintptr_t address)
{
	unsigned index = index_of(address);
	const struct slot *before = &slots[index], *behind = before;
	if (address >= page_of(0) && index + 1 < GUARD_SLOTS)
		behind = &slots[index + 1];
	for (enum state state = IN_USE; state <= FREED; state++) {
		uintptr_t low = distance(before, address, state);
		uintptr_t high = distance(behind, address, state);
		if (low != UINTPTR_MAX || high != UINTPTR_MAX)
			return low < high ? before : behind;
	}
	return NULL;
}

/* In a signal handler. An access to a page in use does not fault, but a jump into it does: that is
 * nothing of ours. */
static void on_fault(uintptr_t address, bool is_write)
{
	if (!guard_owns((const void *)address))
		return;
	unsigned index = index_of(address);
	const struct slot *slot = &slots[index];
	bool on_page = address >= page_of(0) && address - page_of(index) < PAGE_SIZE;
	enum misuse_kind kind = MISUSE_AFTER_FREE;
	if (on_page && slot->state == IN_USE)
		return;
	if (!on_page || slot->state == NEVER_USED) {
		slot = neighbour_of(address);
		kind = slot && address < slot->block ? MISUSE_UNDERFLOW : MISUSE_OVERFLOW;
	}
	if (!slot || !begin_report())
		return;
	log_text(&about, is_write ? " (write)" : " (read)");
	tell_slot(slot, address);
	misuse_write(kind, (const void *)address, 0, about.text);
}

/* --- the pool --------------------------------------------------------------------------------- */

void guard_init(uint64_t one_in)
{
	void *base;
	if (os_map(POOL_BYTES, PAGE_SIZE, &base)) {
		log_message("HAKMEM_GUARD: no memory for the pool; nothing is guarded");
		return;
	}
	if (os_protect(base, POOL_BYTES, false) || os_watch_faults(on_fault)) {
		log_message("HAKMEM_GUARD: faults cannot be watched; nothing is guarded");
		os_unmap(base, POOL_BYTES);
		return;
	}
	gauge_add(tally_process.memory.metadata_bytes, GUARD_SLOTS * PAGE_SIZE);
	random_state = os_random();
	pool = (uintptr_t)base;
	for (unsigned i = 0; i < GUARD_SLOTS; i++)
		enqueue(i);
	one_in_blocks = one_in;
}

/* Knuth's MMIX generator; its upper bits are the good ones. Lock held. */
static bool at_start(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return random_state >> 62 == 0;
}

void *guard_take(size_t n, unsigned class, bool sampled)
{
	lock_take(&lock);
	bool none = front == back, start = at_start();
	unsigned index = none ? 0 : queue[front++ % GUARD_SLOTS];
	lock_give(&lock);
	if (none)
		return NULL;
	char *page = (char *)page_of(index), *end = page + PAGE_SIZE;
	if (os_protect(page, PAGE_SIZE, true)) { /* the kernel has no more mappings for us */
		enqueue(index);
		return NULL;
	}
	char *block = start ? page : end - round_up(max_size(n, 1), ALIGN_MIN);
	memset(page, PATTERN, (size_t)(block - page));
	memset(block + n, PATTERN, (size_t)(end - (block + n)));
	struct slot *slot = &slots[index];
	slot->block = (uintptr_t)block;
	slot->bytes = (uint32_t)n;
	slot->class = (uint8_t) class;
	slot->sampled = sampled;
	note(&slot->taken);
	__atomic_store_n(&slot->state, IN_USE, __ATOMIC_RELEASE);
	__atomic_add_fetch(&guarded, 1, __ATOMIC_RELAXED);
	return block;
}

/* The slot of the block that starts at `p`. Aborts when it is not in use. */
static struct slot *require(const void *p)
{
	uintptr_t address = (uintptr_t)p;
	struct slot *slot = &slots[index_of(address)];
	uint8_t state = __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
	if (unlikely(state == NEVER_USED))
		die(MISUSE_NOT_OURS, slot, address);
	if (unlikely(address != slot->block))
		die(MISUSE_NOT_A_BLOCK, slot, address);
	if (unlikely(state == FREED))
		die(MISUSE_DOUBLE_FREE, slot, address);
	return slot;
}

void guard_find(const void *p, struct guarded *block)
{
	const struct slot *slot = require(p);
	*block = (struct guarded){.class = slot->class, .sampled = slot->sampled};
}

size_t guard_bytes(const void *p)
{
	return require(p)->bytes;
}

/* How many of the bytes from `from` on are the pattern's, up to `to`. */
static size_t unchanged(const unsigned char *from, const unsigned char *to)
{
	const unsigned char *p = from;
	uint64_t word, pattern;
	memset(&pattern, PATTERN, sizeof(pattern));
	for (; (size_t)(to - p) >= sizeof(word); p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		if (word != pattern)
			break;
	}
	while (p < to && *p == PATTERN)
		p++;
	return (size_t)(p - from);
}

/* Looks at what of the page is not the block's. The byte nearest to the block is reported. */
static void check_surroundings(const struct slot *slot, uintptr_t page)
{
	uintptr_t block = slot->block, end = block + slot->bytes, page_end = page + PAGE_SIZE;
	uintptr_t behind = end + unchanged((void *)end, (void *)page_end);
	if (unlikely(behind < page_end))
		die(MISUSE_OVERFLOW, slot, behind);
	if (likely(page + unchanged((void *)page, (void *)block) == block))
		return;
	uintptr_t wrong = block - 1;
	while (*(unsigned char *)wrong == PATTERN)
		wrong--;
	die(MISUSE_UNDERFLOW, slot, wrong);
}

void guard_give(void *p)
{
	struct slot *slot = require(p);
	uint8_t state = IN_USE;
	if (unlikely(!__atomic_compare_exchange_n(&slot->state, &state, FREED, false,
	                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)))
		die(MISUSE_DOUBLE_FREE, slot, (uintptr_t)p); /* another thread was first */
	unsigned index = index_of((uintptr_t)p);
	uintptr_t page = page_of(index);
	note(&slot->given);
	check_surroundings(slot, page);
	/*
	 * The page stays resident, 1 MiB in all: for the core dump, and because it is needed again.
	 * Where the kernel refuses, which it may for want of mappings, it stays accessible as well.
	 */
	os_protect((void *)page, PAGE_SIZE, false);
	enqueue(index);
}

void guard_read(struct guard_figures *figures)
{
	lock_take(&lock);
	figures->guarded = __atomic_load_n(&guarded, __ATOMIC_RELAXED);
	figures->in_use = pool ? GUARD_SLOTS - (back - front) : 0;
	lock_give(&lock);
}

void guard_lock(void)
{
	lock_take(&lock);
}

void guard_unlock(void)
{
	lock_give(&lock);
}

/* --- checks ----------------------------------------------------------------------------------- */

bool guard_is_valid(void)
{
	static bool queued[GUARD_SLOTS];
	if (!pool)
		return front == back;
	if (back - front > GUARD_SLOTS)
		return false;
	memset(queued, 0, sizeof(queued));
	for (uint32_t i = front; i != back; i++) {
		unsigned index = queue[i % GUARD_SLOTS];
		if (index >= GUARD_SLOTS || queued[index] || slots[index].state == IN_USE)
			return false;
		queued[index] = true;
	}
	for (unsigned i = 0; i < GUARD_SLOTS; i++)
		if (queued[i] == (slots[i].state == IN_USE) ||
		    (!queued[i] && index_of(slots[i].block) != i))
			return false;
	return true;
}
