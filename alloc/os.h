/* SPDX-License-Identifier: MIT */
/*
 * Floor 1: every system call of the library, and nothing else. Functions return 0 (or a value ≥ 0)
 * on success and -errno on failure; none touches errno, so free() preserves it without effort, and
 * none can be interposed.
 */
#ifndef HAK_OS_H
#define HAK_OS_H

#include "base.h"

/*
 * Reads what the kernel told the process when it started: whether it runs set-user-ID, and where
 * the clock is that needs no system call. Called once, before the first thread has a cache; without
 * it the clock is a system call.
 */
void os_init(void);

/* Maps `bytes` of zeroed private memory at any address aligned to `align` (a power of two ≥
 * PAGE_SIZE). */
int os_map(size_t bytes, size_t align, void **base);

/*
 * Maps `bytes` exactly at `base`; -EEXIST when something is there, or the kernel prefers another
 * place.
 */
int os_map_at(void *base, size_t bytes);

/*
 * The first gap of at least `bytes` at a multiple of `align` between `first` and `end`, as
 * /proc/self/maps has it at that moment. -ENOENT when there is none; where the file cannot be
 * read, why.
 */
int os_find_gap(uintptr_t first, uintptr_t end, size_t bytes, size_t align, uintptr_t *gap);

/* -ENOMEM when a mapping would be split in two, and the process may have no more mappings. */
int os_unmap(void *base, size_t bytes);

/* Grows, shrinks or moves a mapping made by os_map. */
int os_remap(void *base, size_t old_bytes, size_t new_bytes, bool may_move, void **new_base);

/* Gives the pages back; they read as zero afterwards. */
int os_purge(void *base, size_t bytes);

/*
 * Has the kernel make all pages of the range, as a write to each would. -EINVAL on a kernel before
 * 5.14, which does not know how, and in a sandbox, which may not know it.
 */
int os_populate(void *base, size_t bytes);

/*
 * Tells of each page of the range whether it is in memory: bit 0 of its byte in `pages`. One that
 * is not may be swapped out. Fails in a sandbox.
 */
int os_resident_pages(void *base, size_t bytes, unsigned char *pages);

/* Makes whole pages accessible or inaccessible. */
int os_protect(void *base, size_t bytes, bool accessible);

/* Makes whole pages that can be read writable, or not writable any more. */
int os_protect_write(void *base, size_t bytes, bool writable);

/*
 * Keeps the kernel from backing the range with huge pages, where it would do so unasked; failure
 * does not matter.
 */
void os_no_huge_pages(void *base, size_t bytes);

/*
 * Notes what cannot be asked any more once the process has locked itself in: whether it is in a
 * sandbox already, and whether the kernel uses huge pages unasked. Called once, at start.
 */
void os_note_kernel(void);

/*
 * Whether the process has entered a sandbox (seccomp) since os_note_kernel(). From then on only
 * calls that every allocator makes should be made: the sandbox may end the process for others.
 * Costs a system call, until it is true.
 */
bool os_is_sandboxed(void);

/* Futex on a private word. Spurious returns are allowed. */
void os_wait(uint32_t *word, uint32_t expected);
void os_wake(uint32_t *word);

/*
 * membarrier(2), private and expedited: all running threads of the process pass a memory barrier.
 * Register first; -EPERM without, -ENOSYS on a kernel before 4.14, -ENOMEM at any time.
 */
int os_barrier_register(void);
int os_barrier(void);

/* Nanoseconds of CLOCK_MONOTONIC; the coarse one costs a few
 * instructions and ticks every few ms. */
uint64_t os_clock_ns(void);
uint64_t os_clock_coarse_ns(void);

uint32_t os_tid(void);

/* Whether there is no thread of that id (any more), in this process or, for who calls may be a
 * child of vfork, in another. */
bool os_thread_is_gone(uint32_t tid);

/* Where the list of robust mutexes of a thread begins, as the kernel knows it; 0: nowhere, or it
 * does not tell. */
uintptr_t os_robust_list(uint32_t tid);

/*
 * Copies memory of this process that may be unmapped at any time. -EFAULT when it is not there; the
 * copy may be partial then. -EPERM or -ENOSYS where the kernel does not do that for us, and where a
 * filter might kill the process for asking: for what is out of the ordinary.
 */
int os_copy(void *to, const void *from, size_t bytes);

uint64_t os_random(void);

/* For addresses: the same each time where the kernel has been told not to vary them either, for a
 * debugger or a measurement (setarch -R). */
uint64_t os_random_layout(void);
void os_write_stderr(const char *text, size_t bytes);

/*
 * From now on `fault` is called where the process would get a SIGSEGV for accessing `address`; it
 * may do what a signal handler may. Afterwards the signal takes the course that it would have
 * taken without: the handler that was there before, or the process dies where it faulted. A
 * handler that the program installs later replaces this one.
 */
int os_watch_faults(void (*fault)(uintptr_t address, bool write));

/*
 * The file that is mapped at `address` and where in it that is, from /proc/self/maps. `name` is
 * zero-terminated. Usable in a signal handler. False when there is none or its name is too long.
 */
bool os_mapped_file(uintptr_t address, char *name, size_t bytes, uint64_t *offset);

/*
 * Bytes resident of this process, from /proc/self/statm; 0 when it cannot be read.
 */
size_t os_resident_bytes(void);

/*
 * The environment as "A=1\0B=2\0": the process's environ when libc has set it up, else read from
 * /proc/self/environ into `buffer`. Calls `each` per entry. Nothing is reported to a setuid
 * program.
 */
void os_each_environment(void (*each)(const char *entry));

#endif
