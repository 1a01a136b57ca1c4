/* SPDX-License-Identifier: MIT */
#include "life.h"

#include "os.h"

/* glibc's mutexes begin with the futex word, whose lower bits are the owner's thread id. */
static uint32_t word_of(const struct life *life)
{
	return __atomic_load_n((const uint32_t *)&life->mutex.__data.__lock, __ATOMIC_ACQUIRE);
}

/* False where the C library cannot make one. */
static bool make_mutex(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t robust;
	if (pthread_mutexattr_init(&robust))
		return false;
	bool made = !pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST) &&
	            !pthread_mutex_init(mutex, &robust);
	pthread_mutexattr_destroy(&robust);
	return made;
}

/*
 * The mutex is locked: by this thread, if it is the one whose TLS this is, as the C library knows
 * it. The kernel would know only a robust one's owner.
 */
static bool is_owner(const struct life *life, uint32_t tid, bool robust)
{
	return (robust ? word_of(life) : (uint32_t)life->mutex.__data.__owner) == tid;
}

/* Before the mutex on the list nothing is but the list's head. */
static void prove(struct life *life, uint32_t tid, bool robust)
{
	life->list = (uintptr_t)life->mutex.__data.__list.__prev;
	life->here = this_thread();
	if (robust)
		__atomic_store_n(&life->held, tid, __ATOMIC_RELEASE);
	__atomic_store_n(&life->tid, tid, __ATOMIC_RELEASE);
}

void life_begin(struct life *life)
{
	uint32_t tid = os_tid();
	life_forget(life);
	bool robust = make_mutex(&life->mutex);
	if ((!robust && pthread_mutex_init(&life->mutex, NULL)) || pthread_mutex_lock(&life->mutex))
		return;
	if (is_owner(life, tid, robust))
		prove(life, tid, robust);
	if (!life->held)
		pthread_mutex_unlock(&life->mutex);
}

void life_end(struct life *life)
{
	bool held = life->held != 0;
	__atomic_store_n(&life->held, 0, __ATOMIC_RELEASE);
	if (held)
		pthread_mutex_unlock(&life->mutex);
	__atomic_store_n(&life->tid, 0, __ATOMIC_RELEASE);
}

/* In this order: nobody looks at the mutex of a life that is not held. */
void life_forget(struct life *life)
{
	__atomic_store_n(&life->held, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&life->tid, 0, __ATOMIC_RELEASE);
}

/* The C library has given the child's thread an empty list of robust mutexes. */
void life_renew(struct life *life)
{
	if (life->tid)
		life_begin(life);
}

/* It has none, or is gone, or the kernel does not tell: no list is at 0. */
static bool has_its_list(const struct life *life, uint32_t tid)
{
	return os_robust_list(tid) == life->list;
}

bool life_has_ended(const struct life *life)
{
	uint32_t held = __atomic_load_n(&life->held, __ATOMIC_ACQUIRE);
	uint32_t tid = __atomic_load_n(&life->tid, __ATOMIC_ACQUIRE);
	if (held)
		return word_of(life) != held;
	return tid && os_thread_is_gone(tid);
}

static bool is_mine(const struct life *life)
{
	uint32_t tid = __atomic_load_n(&life->tid, __ATOMIC_ACQUIRE);
	return tid && life->here == this_thread() && tid == os_tid();
}

enum life_state life_state(const struct life *life)
{
	uint32_t held = __atomic_load_n(&life->held, __ATOMIC_ACQUIRE);
	if (is_mine(life))
		return LIFE_LASTS;
	if (life_has_ended(life))
		return LIFE_ENDED;
	if (held && has_its_list(life, held) && word_of(life) == held)
		return LIFE_LASTS;
	return LIFE_UNKNOWN;
}
