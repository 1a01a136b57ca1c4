/* SPDX-License-Identifier: MIT */
/*
 * Floor 11: C++ operators, by their mangled names. The array and nothrow forms stay libstdc++'s:
 * they call these, and a program that replaces operator new is honoured by them.
 */
#include <dlfcn.h>
#include <stdlib.h>

#include "alloc.h"
#include "log.h"

#define PUBLIC __attribute__((visibility("default")))

void *_Znwm(size_t n);
void *_ZnwmSt11align_val_t(size_t n, size_t align);
void _ZdlPv(void *p);
void _ZdlPvm(void *p, size_t n);
void _ZdlPvSt11align_val_t(void *p, size_t align);
void _ZdlPvmSt11align_val_t(void *p, size_t n, size_t align);

extern void *dlsym(void *, const char *) __attribute__((weak));

/* In a statically linked program libstdc++'s operator new cannot be asked; these can. */
typedef void new_handler(void);
extern new_handler *_ZSt15get_new_handlerv(void) __attribute__((weak)); /* std::get_new_handler */
extern void _ZSt17__throw_bad_allocv(void) __attribute__((weak, noreturn)); /* libstdc++ */

/*
 * No memory: the C++ library's own operator runs the new_handler, tries malloc again and throws.
 * Its frame must be able to unwind through ours, hence -fexceptions for this file.
 */
static cold_path void *new_failed(size_t n, size_t align)
{
	const char *name = align ? "_ZnwmSt11align_val_t" : "_Znwm";
	void *next = dlsym ? dlsym(RTLD_NEXT, name) : NULL;
	if (next && align)
		return ((void *(*)(size_t, size_t))(uintptr_t)next)(n, align);
	if (next)
		return ((void *(*)(size_t))(uintptr_t)next)(n);
	for (;;) {
		new_handler *handler = _ZSt15get_new_handlerv ? _ZSt15get_new_handlerv() : NULL;
		if (!handler)
			break;
		handler();
		void *p = align ? alloc_aligned(align, n) : alloc_malloc(n);
		if (p)
			return p;
	}
	if (_ZSt17__throw_bad_allocv)
		_ZSt17__throw_bad_allocv();
	log_fatal("operator new: no memory, and no C++ library to throw bad_alloc");
}

/* Cold continuation of operator new: malloc's, then C++'s way to fail. */
static cold_path void *new_cold(size_t n)
{
	keep_frame();
	void *p = alloc_doors.malloc(n);
	return likely(p) ? p : new_failed(n, 0);
}

PUBLIC void *_Znwm(size_t n)
{
	size_t slot = alloc_slot(n);
	uintptr_t tls = tcache_tls();
	if (unlikely(!tcache_spend(tls, slot)))
		return new_cold(n);
	return tcache_pop(tls, slot);
}

PUBLIC void *_ZnwmSt11align_val_t(size_t n, size_t align)
{
	keep_frame();
	void *p = alloc_aligned(align, n);
	return likely(p) ? p : new_failed(n, align);
}

PUBLIC void _ZdlPv(void *p)
{
	alloc_free(p);
}

PUBLIC void _ZdlPvm(void *p, size_t n)
{
	(void)n;
	alloc_free(p);
}

PUBLIC void _ZdlPvSt11align_val_t(void *p, size_t align)
{
	(void)align;
	alloc_free(p);
}

PUBLIC void _ZdlPvmSt11align_val_t(void *p, size_t n, size_t align)
{
	(void)n;
	(void)align;
	alloc_free(p);
}
