/* SPDX-License-Identifier: MIT */
#include "lock.h"

enum {
	SPINS = 100,          /* about the time of one magazine exchange */
	TAKEN_AGAIN = 1 << 30 /* and how many times, in the word of a lock that a fork holds */
};

/* The thread that forks, as this_thread() has it. */
static uintptr_t forking;

void lock_fork_begin(void)
{
	__atomic_store_n(&forking, this_thread(), __ATOMIC_RELAXED);
}

void lock_fork_end(void)
{
	__atomic_store_n(&forking, 0, __ATOMIC_RELAXED);
}

bool lock_forks_here(void)
{
	return __atomic_load_n(&forking, __ATOMIC_RELAXED) == this_thread();
}

/* Others change the word only to say that they wait, which TAKEN_AGAIN says as well. */
static void take_again(struct lock *lock)
{
	uint32_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED), again;
	do
		again = (word < TAKEN_AGAIN ? TAKEN_AGAIN : word) + 1;
	while (!__atomic_compare_exchange_n(&lock->word, &word, again, false, __ATOMIC_RELAXED,
	                                    __ATOMIC_RELAXED));
}

/* Takes the lock if it is free, as one that somebody waits for; else says that, and waits. */
static bool take_or_sleep(struct lock *lock)
{
	uint32_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);
	uint32_t waited = word > 2 ? word : 2;
	if (word != waited && !__atomic_compare_exchange_n(&lock->word, &word, waited, false,
	                                                   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	if (word)
		os_wait(&lock->word, waited);
	return !word;
}

/* Drepper, "Futexes Are Tricky", 2011, mutex 2, with a short spin in front. */
cold_path void lock_wait(struct lock *lock)
{
	if (lock_forks_here()) {
		take_again(lock);
		return;
	}
	for (int i = 0; i < SPINS; i++) {
		if (__atomic_load_n(&lock->word, __ATOMIC_RELAXED) == 0 && lock_try(lock))
			return;
		__builtin_ia32_pause();
	}
	while (!take_or_sleep(lock))
		;
}

/* The word is one less than it was, and not zero. */
cold_path void lock_leave(struct lock *lock)
{
	if (__atomic_load_n(&lock->word, __ATOMIC_RELAXED) >= TAKEN_AGAIN && lock_forks_here())
		return;
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
	os_wake(&lock->word);
}
