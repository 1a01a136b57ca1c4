/* SPDX-License-Identifier: MIT */
/* Floor 11: the names of the C library. Semantics and errno as in glibc's manual. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "bind.h"
#include "decay.h"
#include "init.h"
#include "libc.h"
#include "options.h"
#include "stats.h"

#define PUBLIC __attribute__((visibility("default")))

PUBLIC void *malloc(size_t n)
{
	return alloc_malloc(n);
}

PUBLIC void free(void *p)
{
	alloc_free(p);
}

static cold_path void *refuse(int err)
{
	errno = err;
	return NULL;
}

/* False when the product overflows. gcc makes two instructions more of __builtin_mul_overflow. */
hot_inline bool product(size_t count, size_t size, size_t *n)
{
	size_t high;
	__asm__ goto("mulq %3\n\t"
	             "jo %l4"
	             : "=a"(*n), "=d"(high)
	             : "0"(count), "r"(size)
	             : "cc"
	             : overflow);
	return true;
overflow:
	return false;
}

PUBLIC void *calloc(size_t count, size_t size)
{
	size_t n;
	if (unlikely(!product(count, size, &n)))
		return refuse(ENOMEM);
	return alloc_calloc(n);
}

PUBLIC void *realloc(void *p, size_t n)
{
	return alloc_realloc(p, n);
}

PUBLIC void *reallocarray(void *p, size_t count, size_t size)
{
	size_t n;
	if (unlikely(__builtin_mul_overflow(count, size, &n)))
		return refuse(ENOMEM);
	return alloc_realloc(p, n);
}

/* glibc: any alignment; one that is no power of two is rounded up to one. */
PUBLIC void *memalign(size_t align, size_t n)
{
	if (align > (size_t)1 << 63)
		return refuse(EINVAL);
	if (!is_power_of_two(align)) {
		size_t up = ALIGN_MIN;
		while (up < align)
			up <<= 1;
		align = up;
	}
	return alloc_aligned(align, n);
}

PUBLIC void *aligned_alloc(size_t align, size_t n)
{
	if (!is_power_of_two(align))
		return refuse(EINVAL);
	return alloc_aligned(align, n);
}

/* Tells the error as its value; errno is set as well when there is no memory, as glibc does. */
PUBLIC int posix_memalign(void **result, size_t align, size_t n)
{
	if (!is_power_of_two(align) || align % sizeof(void *))
		return EINVAL;
	keep_frame();
	void *p = alloc_aligned(align, n);
	if (!p)
		return ENOMEM;
	*result = p;
	return 0;
}

PUBLIC void *valloc(size_t n)
{
	return alloc_aligned(PAGE_SIZE, n);
}

PUBLIC void *pvalloc(size_t n)
{
	if (n > SIZE_MAX - PAGE_SIZE)
		return refuse(ENOMEM);
	return alloc_aligned(PAGE_SIZE, round_up(max_size(n, 1), PAGE_SIZE));
}

PUBLIC size_t malloc_usable_size(void *p)
{
	return alloc_usable_size(p);
}

PUBLIC void cfree(void *p);
PUBLIC void cfree(void *p)
{
	alloc_free(p);
}

/* C23. The address tells the size; in secure it is compared. */
PUBLIC void free_sized(void *p, size_t n);
PUBLIC void free_sized(void *p, size_t n)
{
	alloc_free_sized(p, ALIGN_MIN, n);
}

PUBLIC void free_aligned_sized(void *p, size_t align, size_t n);
PUBLIC void free_aligned_sized(void *p, size_t align, size_t n)
{
	alloc_free_sized(p, align, n);
}

/* --- start ------------------------------------------------------------------------------------ */

/* When the dynamic linker can be asked what has come of it, which the first cold visit cannot. */
__attribute__((constructor)) static void prove_binding(void)
{
	if (init_process() != HAK_MODE_FORCE_LIBC && options.bind_libc)
		bind_prove(options.verbose == VERBOSE_START);
}

/* --- fork ------------------------------------------------------------------------------------- */

/*
 * What glibc's pthread_atfork calls, in whatever object. Whoever registers fork handlers finds
 * ours registered, which is how ours come first whatever the order of constructors is. Weak: in a
 * statically linked program libc's own takes its place, and there the order is ours.
 */
PUBLIC __attribute__((weak)) int __register_atfork(void (*prepare)(void), void (*parent)(void),
                                                   void (*child)(void), void *dso)
{
	init_fork_handlers();
	return libc_register_atfork(prepare, parent, child, dso);
}

/* --- statistics and tuning -------------------------------------------------------------------- */

PUBLIC struct mallinfo2 mallinfo2(void)
{
	struct stats stats;
	stats_read(&stats);
	return (struct mallinfo2){
	        .arena = stats.arena_bytes,
	        .hblks = stats.huge_blocks,
	        .hblkhd = stats.huge_bytes,
	        .uordblks = stats.used_bytes,
	        .fordblks = stats.free_bytes,
	        .keepcost = stats.dirty_bytes,
	};
}

/* The old form, whose int fields wrap (as glibc's do). */
PUBLIC struct mallinfo mallinfo(void)
{
	struct mallinfo2 now = mallinfo2();
	return (struct mallinfo){
	        .arena = (int)now.arena,
	        .hblks = (int)now.hblks,
	        .hblkhd = (int)now.hblkhd,
	        .uordblks = (int)now.uordblks,
	        .fordblks = (int)now.fordblks,
	        .keepcost = (int)now.keepcost,
	};
}

/* Parameters of glibc's arenas have no counterpart here: accepted, without effect. */
PUBLIC int mallopt(int parameter, int value)
{
	(void)value;
	return parameter <= 1 && parameter >= M_ARENA_MAX;
}

/* Gives all free memory that this thread can reach back to the OS; 1 when there was any. */
PUBLIC int malloc_trim(size_t pad)
{
	(void)pad;
	if (tcache_self)
		tcache_flush_all(tcache_self);
	return decay_now();
}

/*
 * Writing is a cancellation point, and none of the malloc family is one: it is to stdio's stderr
 * all the same, as with glibc, because programs redirect that.
 */
static int forbid_cancellation(void)
{
	int state = PTHREAD_CANCEL_ENABLE;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return state;
}

PUBLIC void malloc_stats(void)
{
	struct stats stats;
	int cancellation = forbid_cancellation();
	stats_read(&stats);
	fprintf(stderr,
	        "hakmem: %zu bytes in arenas, %zu in use, %zu free; %zu bytes in %zu huge blocks; "
	        "%llu mallocs, %llu frees\n",
	        stats.arena_bytes, stats.used_bytes, stats.free_bytes, stats.huge_bytes,
	        stats.huge_blocks, (unsigned long long)stats.mallocs,
	        (unsigned long long)stats.frees);
	if (stats.guarded)
		fprintf(stderr, "hakmem: %llu blocks were guarded, %llu are in use\n",
		        (unsigned long long)stats.guarded,
		        (unsigned long long)stats.guarded_in_use);
	pthread_setcancelstate(cancellation, NULL);
}

/* XML of glibc's form: one heap, and the totals. */
PUBLIC int malloc_info(int zero, FILE *out)
{
	if (zero != 0)
		return EINVAL;
	struct stats stats;
	int cancellation = forbid_cancellation();
	stats_read(&stats);
	fprintf(out,
	        "<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n</sizes>\n"
	        "<total type=\"fast\" count=\"0\" size=\"0\"/>\n"
	        "<total type=\"rest\" count=\"1\" size=\"%zu\"/>\n"
	        "<system type=\"current\" size=\"%zu\"/>\n<system type=\"max\" size=\"%zu\"/>\n"
	        "<aspace type=\"total\" size=\"%zu\"/>\n<aspace type=\"mprotect\" size=\"%zu\"/>\n</heap>\n"
	        "<total type=\"fast\" count=\"0\" size=\"0\"/>\n"
	        "<total type=\"rest\" count=\"1\" size=\"%zu\"/>\n"
	        "<total type=\"mmap\" count=\"%zu\" size=\"%zu\"/>\n"
	        "<system type=\"current\" size=\"%zu\"/>\n<system type=\"max\" size=\"%zu\"/>\n"
	        "<aspace type=\"total\" size=\"%zu\"/>\n<aspace type=\"mprotect\" size=\"%zu\"/>\n</malloc>\n",
	        stats.free_bytes, stats.arena_bytes, stats.arena_bytes, stats.arena_bytes,
	        stats.arena_bytes, stats.free_bytes, stats.huge_blocks, stats.huge_bytes,
	        stats.arena_bytes, stats.arena_bytes, stats.arena_bytes, stats.arena_bytes);
	pthread_setcancelstate(cancellation, NULL);
	return ferror(out) ? -1 : 0;
}
