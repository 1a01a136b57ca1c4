/* SPDX-License-Identifier: MIT */
/*
 * The simulator: many simulated threads in one thread of the system, a simulated kernel beneath the
 * allocator, an oracle that knows every live block; all of it follows from one seed.
 *
 *   plan     what a seed stands for: profile, sizes, numbers of threads, what the kernel refuses
 *   step     one turn of the scheduler: an operation begins, or one that has begun goes on
 *   switch   a thread is left in the middle of an operation: at a system call, at a lock that
 *            another has, or between two instructions of the hot path
 *   walk     a look at everything there is: every block is in exactly one place
 *
 * main.c runs seeds in child processes; run.c is one run; threads.c, kernel.c, hot.c, ops.c,
 * oracle.c and walk.c are its parts; shrink.c looks for the shortest sequence that still fails.
 */
#ifndef HAK_SIM_H
#define HAK_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alloc/thread.h"
#include "tests/sim/random.h"

enum {
	SIM_THREADS = 24,
	SIM_TEXT = 1024,
};

/* --- plan.c -------------------------------------------------------------------------------- */

enum sizes {
	SIZES_SMALL,
	SIZES_MEDIUM,
	SIZES_PAGE,
	SIZES_LARGE,
	SIZES_HUGE,
	SIZES_POWERS,
	SIZES_ONE,
	SIZES_FEW,
	SIZES_MIXED,
	SIZES_COUNT,
};

enum call {
	CALL_MAP,
	CALL_MAP_AT,
	CALL_UNMAP,
	CALL_REMAP,
	CALL_PURGE,
	CALL_POPULATE,
	CALL_PROTECT,
	CALL_BARRIER,
	CALL_COPY,
	CALL_COUNT,
};

/* What the kernel refuses of one kind of call. */
struct refusals {
	uint32_t once_in; /* by chance; 0: never */
	uint32_t from;    /* this call and all later ones, up to `until`; 0: none */
	uint32_t until;   /* 0: for ever */
};

struct plan {
	uint64_t seed;
	unsigned threads;
	bool checked;
	unsigned profile;
	unsigned guard;
	uint64_t sample_bytes;
	unsigned purge_ms;
	enum sizes sizes;
	size_t one, few[4];
	size_t live_max, bytes_max;
	unsigned repeat_max;
	unsigned phase;  /* steps between growing and shrinking */
	unsigned lifo;   /* of 16 frees so many take the youngest block */
	unsigned cut;    /* one hot operation in so many is cut; 0: none */
	unsigned leave;  /* one system call in so many is a place to switch; 0: none */
	unsigned starts; /* weight of threads' ends and deaths */
	bool deaths, forks, trims, samples;
	uint64_t clock_step; /* ns, at most, per step */
	unsigned walk_every;
	size_t limit; /* bytes that may be mapped; 0: any */
	bool strict;  /* nothing but the limit, and no switches in the kernel: a second try tells */
	bool no_barrier;
	bool no_populate;
	unsigned obstacles; /* ranges of the window that others have taken */
	bool window_full;   /* all of the window but a few arenas is one of them */
	struct refusals refusals[CALL_COUNT];
};

/* What a kernel may do in this run; a bit each, for what the allocator does not stand yet. */
enum {
	ALLOW_DEATHS = 1,
	ALLOW_BARRIER = 2,
	ALLOW_WINDOW = 4,
	ALLOW_UNMAP = 8,
	ALLOW_KEPT = 16,   /* no memory while memory is kept is a failure */
	ALLOW_SHRINK = 32, /* a shrinking realloc that fails, too */
	ALLOW_ALL = 63,
};
extern unsigned sim_allowed;

void plan_make(struct plan *plan, uint64_t seed);
void plan_print(const struct plan *plan);
size_t plan_size(const struct plan *plan, struct random *random);

/* --- one run ------------------------------------------------------------------------------- */

/* Shared with the process that looks on. */
struct report {
	uint64_t steps, operations, switches, walks, refused, threads, forks;
	uint64_t failed_at; /* step */
	bool failed;
	const char *kind; /* of failure: what the text was made from */
	char text[SIM_TEXT];
};

extern struct report *sim_report;
extern const struct plan *sim_plan;
extern uint64_t sim_step;
extern bool sim_verbose;

_Noreturn void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define sim_check(x) ((x) ? (void)0 : sim_fail("%s:%d: not so: %s", __FILE__, __LINE__, #x))

/* Runs steps 0 .. steps - 1 of a seed, or those of them that `only` (of `count`) names. */
extern bool run_in_child; /* of the simulation */
extern bool run_lenient;  /* a thread was amid an operation when it forked: what it had is lost */
void run_child(void);     /* from now on */
bool run_is_quiet(void);  /* no other thread is amid an operation */
_Noreturn void run_seed(const struct plan *plan, uint64_t steps, const uint32_t *only,
                        size_t count);

/* --- threads.c ----------------------------------------------------------------------------- */

enum thread_state {
	THREAD_NONE, /* not started, or gone */
	THREAD_IDLE, /* between two operations */
	THREAD_CUT,  /* between two instructions of the hot path */
	THREAD_BUSY, /* in a system call */
	THREAD_WAITING,
};

/* What a cut in the hot path has done so far, for the counts. */
struct cut {
	unsigned class;
	int mallocs, frees; /* that observers see and the oracle does not yet */
	void *hand;         /* a block that is neither in the magazine nor live */
	bool pending;       /* credit that is about to be written, */
	int64_t value;      /* so much */
};

struct op {
	uint8_t kind, thread;
	uint16_t repeat;
	uint64_t random;
};

struct sim_thread {
	unsigned index;
	enum thread_state state;
	char *tls; /* copy of what is thread-local, while another runs */
	char *stack;
	void *stack_pointer;
	struct thread *cache;
	uint32_t tid;
	uint32_t *robust; /* word of the mutex that the kernel marks when the thread ends */
	bool tls_there;
	const uint32_t *waits_for;
	uint32_t expected;
	unsigned calls; /* of the system in this operation */
	bool exited;    /* its cache is left; only stray operations follow */
	bool refused;   /* the kernel refused it something in this operation */
	struct cut cut;
	struct random random; /* of this operation */
};

extern struct sim_thread sim_threads[SIM_THREADS];
extern struct sim_thread *sim_self; /* NULL in the scheduler */

void threads_init(void);
void thread_start(struct sim_thread *thread);
/* Runs it until it is between two operations, or switches. An idle one begins with `op`. */
void thread_resume(struct sim_thread *thread, const struct op *op);
bool thread_can_run(const struct sim_thread *thread);
/* Called by a thread: back to the scheduler. */
void thread_leave(enum thread_state state);
/* Its memory is gone, whether or not it has left its cache before. */
void thread_vanish(struct sim_thread *thread);
/* All threads out of the system; false when they wait for each other. */
bool threads_settle(void);
struct hak_slot *thread_slots(const struct sim_thread *thread);
/* In a forked child: the others are no more. */
void threads_forked(void);
/* A barrier in every thread. */
void threads_barrier(void);

/* --- kernel.c ------------------------------------------------------------------------------ */

void kernel_init(void);
size_t kernel_mapped(void);
void kernel_end_thread(struct sim_thread *thread);
void kernel_tick(uint64_t ns);
extern uint64_t kernel_refused;
extern bool kernel_holds; /* no switch: what is looked at must not change meanwhile */

/* --- hot.c --------------------------------------------------------------------------------- */

/* malloc and free with switches between their instructions. */
void *hot_malloc(size_t n);
void hot_free(void *p);

/* --- ops.c --------------------------------------------------------------------------------- */

void op_make(const struct plan *plan, uint64_t step, struct op *op);
void op_run(const struct op *op); /* in its thread */
void op_describe(const struct plan *plan, uint64_t step, char *text, size_t bytes);

/* --- oracle.c ------------------------------------------------------------------------------ */

struct block {
	char *p;
	size_t n, usable;
	uint32_t tag;
	uint8_t class;
	uint8_t owner;
	bool foreign;
};

extern struct block *oracle_blocks;
extern size_t oracle_count, oracle_bytes;

/* A block was handed out; `zeroed`: it must be. */
void oracle_add(void *p, size_t n, size_t align, bool zeroed);
/* Takes block `i` off the books and checks it: it is about to be freed. */
struct block oracle_take(size_t i);
/* A block that could not be reallocated is back. */
void oracle_put_back(const struct block *block);
/* What realloc has done with a block that was taken. */
void oracle_realloced(const struct block *old, void *p, size_t n);
void oracle_count_free(const struct block *block);
void oracle_count_foreign(void); /* a realloc of what is glibc's */
void oracle_check_block(const struct block *block);
void oracle_check_counts(void);
/* What a dead thread's slots say is lost to observers. */
void oracle_lose_counts(const struct thread *thread, const struct hak_slot *slots);

/* --- walk.c -------------------------------------------------------------------------------- */

void walk(void);
/* Blocks and metadata that a thread which died without a word had: they may be lost. */
void walk_lose(const struct thread *thread, const struct hak_slot *slots);
void walk_lose_block(const void *p);
void walk_found(const void *block);

/* --- shrink.c ------------------------------------------------------------------------------ */

/* Runs a seed in a child process; false when it failed. */
bool sim_try(uint64_t seed, uint64_t steps, const uint32_t *only, size_t count,
             struct report *report);
void shrink(uint64_t seed, const struct report *failure, unsigned seconds);

#endif
