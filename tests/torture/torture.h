/* SPDX-License-Identifier: MIT */
/*
 * Torture: many real threads allocate, free, die, fork and trim at once, and every block is
 * checked. What a block must contain follows from its address and its record alone, and the record
 * lies outside of the heap, so whoever has the record can check it: the thread that holds the
 * block, one that it was handed to, or a child process that inherited both.
 */
#ifndef TORTURE_H
#define TORTURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	SLOTS = 1024,           /* blocks that one thread holds at most */
	TABLES = 24,            /* threads that hold blocks for long */
	CELLS = 1024,           /* of the exchange */
	TABLE_BYTES = 12 << 20, /* that one thread holds about at most */
	LIVES_AT_ONCE = 8,      /* short threads */
	HUNG_AFTER_S = 90,      /* beyond the time that was asked for */
	ERRORS_MAX = 20,        /* after which nothing more is to be learned */
};

/*
 * A block and what is known of it. `p` is set when the block is complete and cleared before
 * anything is done to it, so that a child of fork finds each record either whole or without a
 * block.
 */
struct held {
	_Atomic(unsigned char *) p;
	size_t size;
	uint64_t seed;
	unsigned owner; /* who made it */
};

struct table {
	struct held held[SLOTS];
	size_t bytes;
};

/* A thread of the torture. */
struct torturer {
	unsigned id;
	uint64_t random;
	uint64_t operations;
	struct table *table;
	const char *role;
	_Atomic(const char *) doing; /* for the watchdog */
};

extern atomic_bool stop;
extern atomic_uint errors;
extern struct table tables[TABLES];

/* Odd while address space is short: malloc may return NULL then, and at no other time. */
extern atomic_uint squeezes;

/* Held (shared) around what the C library does not survive without memory. */
void calm_begin(void);
void calm_end(void);

/* One line, with the seed. Counted; the process ends when there are too many. */
void error(const char *format, ...) __attribute__((format(printf, 1, 2)));

void pause_us(uint64_t us);

static inline uint64_t draw(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15;
	uint64_t z = (*state ^ (*state >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static inline uint64_t below(uint64_t *state, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)draw(state) * n) >> 64);
}

/* --- blocks (block.c) --- */

/* Makes a block in an empty record by one of the ways to allocate. Empty still: no memory. */
void block_make(struct torturer *t, struct held *held, size_t size, size_t align);
void block_check(const struct held *held, const char *when);
void block_free(struct torturer *t, struct held *held);
void block_resize(struct torturer *t, struct held *held, size_t size);

/* Moves what is in `held` to a cell of the exchange, and what was there to `held`. */
void exchange_swap(struct torturer *t, struct held *held);

/* Checks all blocks of tables and the exchange; `others`: that other threads may be at work there,
 * or were, when this process was forked: what they have in hand is left out. */
void check_all(const char *when);

/* Frees them; no other thread may be left. */
void free_all(struct torturer *t);

/* --- roles: each until `stop` --- */

void worker(struct torturer *t);   /* everything, in phases */
void pool(struct torturer *t);     /* works, and sleeps in between: its stock is taken */
void producer(struct torturer *t); /* allocates what others free */
void consumer(struct torturer *t); /* only frees */
void lives(struct torturer *t);    /* short threads, that end in every way */
void trimmer(struct torturer *t);  /* malloc_trim */
void reader(struct torturer *t);   /* mallinfo2 and its kin */
void forker(struct torturer *t);   /* children, that check what they inherited, and fork */
void loader(struct torturer *t);   /* dlopen, dlclose */
void squeezer(struct torturer *t); /* RLIMIT_AS */

/* One phase of a worker: operations of one kind. */
void work(struct torturer *t);

/* Of lives(): ways to end that are left out, by name; false: there is no such. */
bool lives_without(const char *name);
void lives_prepare(void);
void lives_wait(void); /* for the detached ones */

#endif
