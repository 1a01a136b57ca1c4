/* SPDX-License-Identifier: MIT */
#include "lock.h"

enum { SPINS = 100 }; /* about the time of one magazine exchange */

/* Drepper, "Futexes Are Tricky", 2011, mutex 3, with a short spin in front. */
cold_path void lock_wait(struct lock *lock)
{
	for (int i = 0; i < SPINS; i++) {
		if (__atomic_load_n(&lock->word, __ATOMIC_RELAXED) == 0 && lock_try(lock))
			return;
		__builtin_ia32_pause();
	}
	while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0)
		os_wait(&lock->word, 2);
}
