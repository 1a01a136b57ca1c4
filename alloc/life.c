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

void life_begin(struct life *life)
{
	uint32_t tid = os_tid();
	life_forget(life);
	__atomic_store_n(&life->tid, tid, __ATOMIC_RELEASE);
	if (!make_mutex(&life->mutex) || pthread_mutex_lock(&life->mutex))
		return;
	uint32_t word = word_of(life);
	if (word == tid) /* else it is nothing that the kernel would know it by */
		__atomic_store_n(&life->held, word, __ATOMIC_RELEASE);
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
	if (life->held)
		life_begin(life);
}

enum life_state life_state(const struct life *life)
{
	uint32_t held = __atomic_load_n(&life->held, __ATOMIC_ACQUIRE);
	uint32_t tid = __atomic_load_n(&life->tid, __ATOMIC_ACQUIRE);
	if (held)
		return word_of(life) == held ? LIFE_LASTS : LIFE_ENDED;
	if (!tid)
		return LIFE_UNKNOWN;
	if (tid == os_tid())
		return LIFE_LASTS;
	return os_thread_is_gone(tid) ? LIFE_ENDED : LIFE_UNKNOWN;
}
