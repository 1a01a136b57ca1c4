/* SPDX-License-Identifier: MIT */
/*
 * Unwinding and symbolising of raw user stacks with elfutils (libdwfl): .eh_frame, .debug_frame,
 * debuglink and build-id directories. One unwinder per process; threads may share it, one at a time
 * is served.
 */
#ifndef HAK_UNWIND_H
#define HAK_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/stack.h"

enum { UNWIND_FRAMES_MAX = 256, UNWIND_INLINED_MAX = 32 };

/* Behind the name of a function that the compiler has put into its caller. */
#define UNWIND_INLINED " (inlined)"

enum unwind_mode {
	UNWIND_AUTO,  /* call frame information; by frame pointers where code has none (JIT,
	                 assembly) */
	UNWIND_DWARF, /* call frame information alone */
	UNWIND_FP,    /* frame pointers alone, followed by the kernel */
};

struct unwinder;

/*
 * Prepares for process `pid`. Returns NULL with errno set: ESRCH no such process, EACCES not
 * permitted to read its maps, ENOEXEC not an x86-64 process, ENOMEM.
 */
struct unwinder *unwinder__new(pid_t pid);

/* Accepts NULL. */
void unwinder__free(struct unwinder *unwinder);

/* Auto from the beginning. Stacks that BPF has walked are taken as they are in every mode. */
void unwinder__set_mode(struct unwinder *unwinder, enum unwind_mode mode);

/*
 * Reads the tables and names of the code that is mapped now, until `milliseconds` have passed: else
 * the first stacks wait for them, and slices that are too short are noticed late.
 */
void unwinder__warm_up(struct unwinder *unwinder, unsigned milliseconds);

/*
 * Unwinds `stack` of thread `tid`. Writes at most UNWIND_FRAMES_MAX instruction pointers to `ips`,
 * the innermost first; a return address is written as it stands (the call is before it). A frame
 * that a signal has interrupted is written one byte further, so that for all but the innermost the
 * byte before the address is in the function. `*complete` tells whether the stack was followed to
 * the thread's start; when it was not (the slice was too short, or something has no call frame
 * information and no frame pointer), the frames that were found are right, but the outer ones are
 * missing. Returns the number of frames, ≥ 1 (the innermost is always known). Code mapped since the
 * last call is found (dlopen, exec). After the process has exited its last modules still serve.
 */
size_t unwinder__unwind(struct unwinder *unwinder, pid_t tid, const struct hak_stack *stack,
                        uint64_t *ips, bool *complete);

/* How many bytes of slice the last unwind would have needed for its next step; 0 when it did not
 * end for want of stack, or even the largest slice would not do. */
uint32_t unwinder__wanted(struct unwinder *unwinder);

/*
 * Name of the function at `ip` (a call's return address when `is_return`), demangled; else
 * "module+0xoffset" with the start of the nameless function, as its file counts addresses; else
 * what the process itself says of code that it has made (JIT, tools/symbols/perf_map.h); else
 * "[unknown]", and so when another thread's question takes too long. The string lives as long as
 * the unwinder; equal names have one address.
 */
const char *unwinder__symbol(struct unwinder *unwinder, uint64_t ip, bool is_return);

/*
 * The same with the functions inlined there, where debug information tells them: the innermost
 * first, each marked with UNWIND_INLINED, and the function itself last. Returns how many of `names`
 * are written, 1 to UNWIND_INLINED_MAX.
 */
size_t unwinder__symbols(struct unwinder *unwinder, uint64_t ip, bool is_return,
                         const char *names[UNWIND_INLINED_MAX]);

/* Base name of the file that `ip` is mapped from, "[jit]" or "[anon]"; lives as long as the
 * unwinder. */
const char *unwinder__module(struct unwinder *unwinder, uint64_t ip);

struct unwind_module {
	uint64_t start, end;
	uint64_t bias;        /* run-time address - address in the file */
	const char *path;     /* as the process names it */
	const char *build_id; /* hexadecimal; "" when there is none */
};

/* Calls `visit` for every file that the process has code of. 0, or what `visit` returned other than
 * 0. */
int unwinder__each_module(struct unwinder *unwinder,
                          int (*visit)(void *context, const struct unwind_module *module),
                          void *context);

#endif
