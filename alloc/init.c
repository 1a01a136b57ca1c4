/* SPDX-License-Identifier: MIT */
#include "init.h"

#include <pthread.h>
#include <stdlib.h>

#include "arena.h"
#include "bind.h"
#include "depot.h"
#include "guard.h"
#include "large.h"
#include "libc.h"
#include "lock.h"
#include "log.h"
#include "misuse.h"
#include "options.h"
#include "os.h"
#include "probe.h"
#include "secure.h"
#include "span.h"
#include "tally.h"

static struct lock lock;
static uint32_t exit_key; /* and one: 0 is none yet */

/* What a profile shapes: nothing but numbers that the modules start with. */
struct shape {
	size_t magazine_bytes; /* of blocks in one magazine */
	size_t depot_bytes;    /* of blocks in the depot, per class */
	size_t huge_bytes;     /* of freed huge blocks that are kept until the purge */
};

static const struct shape shapes[] = {
        [PROFILE_SPEED] = {64 * 1024, 4 << 20, 128 << 20},
        [PROFILE_LEAN] = {8 * 1024, 64 * 1024, 0},
        [PROFILE_SECURE] = {8 * 1024, 0, 0},
};

/*
 * Called when the thread ends, in the first round of key destructors that comes after its first
 * allocation. Others may still allocate and free afterwards, in this round and in those to come:
 * all that goes block by block, for how many rounds there will be nobody can tell.
 */
static void thread_ends(void *unused)
{
	(void)unused;
	tcache_leave();
}

/*
 * Without a lock: a program or another library may have a pthread_key_create of its own, which may
 * allocate, or wait for a thread that does. Of two keys made at the same time one is kept.
 */
static bool have_exit_key(void)
{
	uint32_t none = 0;
	pthread_key_t key;
	if (likely(__atomic_load_n(&exit_key, __ATOMIC_ACQUIRE)))
		return true;
	if (pthread_key_create(&key, thread_ends))
		return false;
	if (!__atomic_compare_exchange_n(&exit_key, &none, key + 1, false, __ATOMIC_ACQ_REL,
	                                 __ATOMIC_ACQUIRE))
		pthread_key_delete(key);
	return true;
}

/*
 * Fork. With one thread there is nothing to lock, and must not be: fork may be called from a signal
 * handler that has interrupted a malloc. With several, the lock of stdio's list of files comes
 * first, which fork itself takes only after its handlers have run: a thread in fflush(NULL) has it
 * while it waits for a file, whose lock another thread may hold while it waits for one of ours
 * (glibc's bug 19431). It is recursive; the child has a new one.
 *
 * Handlers of others allocate, take locks that threads hold while they allocate, and wait for such
 * threads. So none may run while ours are locked: ours are to be registered first, for that is
 * who locks last and unlocks first (init_fork_handlers). Should a handler have got in front of
 * ours, it may at least allocate: the thread that forks takes each lock once more (lock.h). It may
 * even fork: `nested` counts that.
 */
static unsigned nested;

static void fork_prepare(void)
{
	if (lock_forks_here()) {
		nested++;
		return;
	}
	if (libc_has_one_thread())
		return;
	libc_lock_files();
	lock_take(&lock);
	tcache_lock();
	tally_lock();
	depot_lock_all();
	secure_lock_all();
	span_lock_all();
	guard_lock();
	large_lock();
	arena_lock();
	meta_lock();
	lock_fork_begin();
}

static void unlock_all(void)
{
	lock_fork_end();
	meta_unlock();
	arena_unlock();
	large_unlock();
	guard_unlock();
	span_unlock_all();
	secure_unlock_all();
	depot_unlock_all();
	tally_unlock();
	tcache_unlock();
	lock_give(&lock);
}

static void fork_parent(void)
{
	if (!lock_forks_here())
		return;
	if (nested) {
		nested--;
		return;
	}
	unlock_all();
	libc_unlock_files();
}

/* In the child of a fork within a fork's handler the outer one goes on as well. */
static void fork_child(void)
{
	bool others = lock_forks_here();
	if (others) {
		libc_reset_files();
		if (!nested)
			unlock_all();
		else
			libc_lock_files();
	}
	nested -= nested > 0;
	tcache_fork_child(others);
}

/* Of no object: pthread_atfork's end with the object, while others' destructors may still fork. */
void init_fork_handlers(void)
{
	static bool done;
	if (!__atomic_exchange_n(&done, true, __ATOMIC_RELAXED))
		__register_atfork(fork_prepare, fork_parent, fork_child, NULL);
}

/* At the first cold visit it may be too early for libc. */
__attribute__((constructor(101))) static void start(void)
{
	init_fork_handlers();
}

/* Law 5, for a guard: how many blocks it has guarded. */
static void announce_guarded(void)
{
	struct guard_figures figures;
	struct log_line line = {.used = 0};
	guard_read(&figures);
	log_text(&line, "hakmem: ");
	log_number(&line, figures.guarded);
	log_text(&line, " blocks were guarded, ");
	log_number(&line, figures.in_use);
	log_text(&line, " are in use");
	log_write(&line);
}

/* The process ends: an observer gets this thread's last figures. */
__attribute__((destructor)) static void process_ends(void)
{
	struct thread *thread = tcache_self;
	if (thread) {
		idle_begin(thread);
		probe_hakmem_tally((uintptr_t)&thread->record, sizeof(thread->record));
		tally_end(&thread->record);
	}
	if (guard_one_in() && options.verbose == VERBOSE_START)
		announce_guarded();
}

/*
 * Law 5: the switch proves itself. The mode has been published: the first malloc opens the doors to
 * glibc, the second one goes through the door that the program will use. Whose block is that?
 */
static void prove_forced_libc(void)
{
	free(malloc(1));
	void *p = malloc(1);
	if (arena_owns(p))
		log_fatal(
		        "HAKMEM_FORCE_LIBC_ALLOC=1 had no effect: malloc returned a block of ours");
	free(p);
}

static void announce(enum hak_mode mode)
{
	static const char *const names[] = {
	        [HAK_MODE_NORMAL] = "normal",
	        [HAK_MODE_CHECKED] = "checked (HAKMEM_FASTLANE_DIRECT=0)",
	        [HAK_MODE_FORCE_LIBC] = "glibc (HAKMEM_FORCE_LIBC_ALLOC=1, proved)",
	};
	struct log_line line = {.used = 0};
	log_text(&line, "hakmem: " HAK_VERSION ", mode ");
	log_text(&line, names[mode]);
	log_text(&line, ", sampling distance ");
	log_number(&line, options.sample_bytes);
	log_text(&line, " bytes, purge after ");
	log_number(&line, options.purge_ms);
	log_text(&line, " ms");
	if (guard_one_in()) {
		log_text(&line, ", one in ");
		log_number(&line, guard_one_in());
		log_text(&line, " allocations guarded");
	}
	log_write(&line);
}

/* Lock held: nothing may be called here that is not ours. What is libc's may be anybody's. */
static enum hak_mode prepare(void)
{
	os_init();
	options_read();
	os_note_kernel();
	misuse_init(tcache_abandon);
	enum hak_mode mode = options.force_libc        ? HAK_MODE_FORCE_LIBC
	                     : options.fastlane_direct ? HAK_MODE_NORMAL
	                                               : HAK_MODE_CHECKED;
	if (mode == HAK_MODE_FORCE_LIBC) {
		if (!libc_is_there())
			log_fatal(
			        "HAKMEM_FORCE_LIBC_ALLOC=1 can have no effect: this program has no "
			        "glibc allocator");
	} else {
		const struct shape *shape = &shapes[options.profile];
		size_class_init(shape->magazine_bytes);
		depot_init(shape->depot_bytes);
		large_init(options_secure() ? 0 : shape->huge_bytes);
		if (options_secure())
			large_keep_apart();
		arena_init(options_secure_alone());
		if (options_secure()) {
			size_class_set_pad(SECURE_PAD);
			secure_init(options_secure_alone());
		}
		if (!HAK_SECURE) /* freed blocks change places with others in stock */
			idle_init();
		if (mode == HAK_MODE_NORMAL && options.guard)
			guard_init(options.guard);
	}
	if (mode != HAK_MODE_NORMAL && options.guard)
		log_message("HAKMEM_GUARD has no effect in this mode");
	if (options.verbose == VERBOSE_OPTIONS)
		options_print();
	tally_init(mode, options.sample_bytes); /* last: it publishes the mode */
	return mode;
}

cold_path enum hak_mode init_process(void)
{
	lock_take(&lock);
	enum hak_mode mode = init_mode();
	bool first = mode == HAK_MODE_UNINITIALISED;
	if (first)
		mode = prepare();
	lock_give(&lock);
	if (first && mode == HAK_MODE_FORCE_LIBC)
		prove_forced_libc();
	else if (first)
		bind_libc();
	if (first && options.verbose == VERBOSE_START)
		announce(mode);
	return mode;
}

cold_path struct thread *init_thread(void)
{
	enum hak_mode mode = init_mode();
	if (mode == HAK_MODE_UNINITIALISED)
		mode = init_process();
	if (mode != HAK_MODE_NORMAL)
		return NULL;
	struct thread *thread = tcache_enter();
	if (thread && have_exit_key()) /* both may allocate; the cache is already usable */
		pthread_setspecific(exit_key - 1, (void *)1);
	return thread;
}
