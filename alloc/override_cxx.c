/* SPDX-License-Identifier: MIT */
/*
 * Floor 11: C++ operators, by their mangled names.
 *
 * A program may replace any of them, and expects of those that it leaves alone what the standard
 * says of their default ([new.delete.single], [new.delete.array]): the sized form ends in the plain
 * operator delete, the array, nothrow and sized array forms in their single ones, wherever those
 * are defined. So of what is here the sized forms jump to the unsized ones as the dynamic linker
 * (or the linker, into a static program) has bound them, which is one instruction more than to free
 * the block here; the array and nothrow forms stay the C++ library's, which calls ours or the
 * program's. That the definitions are weak lets a program that is linked with libhakmem.a have its
 * own next to them, and keeps the compiler from taking one for the one that will be called.
 *
 * No memory: the new_handler is called for as long as there is one, then bad_alloc is thrown, both
 * through the C++ library's functions. This file does not depend on that library, though: they are
 * looked for. An object of the archive cannot look, and what nobody refers to is not linked; there
 * (HAK_ARCHIVE) the references are strong, and only programs with C++ operators have this object.
 */
#include <dlfcn.h>
#include <stdlib.h>

#include "alloc.h"
#include "log.h"
#include "secure.h"

#define OPERATOR __attribute__((visibility("default"), weak))
#define CXX      __attribute__((visibility("default"), OPTIONAL))

#if HAK_ARCHIVE
#define OPTIONAL
#else
#define OPTIONAL weak
#endif

void *_Znwm(size_t n);
void *_ZnwmSt11align_val_t(size_t n, size_t align);
OPERATOR void _ZdlPv(void *p);
void _ZdlPvm(void *p, size_t n);
OPERATOR void _ZdlPvSt11align_val_t(void *p, size_t align);
void _ZdlPvmSt11align_val_t(void *p, size_t n, size_t align);

/* Of the C++ library: std::get_new_handler, and what `throw std::bad_alloc()` is compiled to. */
typedef void new_handler(void);
extern CXX new_handler *_ZSt15get_new_handlerv(void);
extern CXX void *__cxa_allocate_exception(size_t bytes);
extern CXX void __cxa_throw(void *exception, void *type, void (*destroy)(void *));
extern CXX char _ZTISt9bad_alloc[], _ZTVSt9bad_alloc[];
extern CXX void _ZNSt9bad_allocD1Ev(void *exception);

struct cxx_library {
	new_handler *(*get_new_handler)(void);
	void *(*allocate_exception)(size_t bytes);
	void (*throw)(void *exception, void *type, void (*destroy)(void *));
	void (*destroy)(void *bad_alloc);
	char *type, *table; /* of bad_alloc */
};

extern void *dlopen(const char *, int) __attribute__((weak));
extern void *dlsym(void *, const char *) __attribute__((weak));
extern int dlclose(void *) __attribute__((weak));
extern int dladdr(const void *, Dl_info *) __attribute__((weak));

/* A plugin of a program in C brings the C++ library along for itself, where only it can see it. */
static void find_cxx(struct cxx_library *cxx, const void *caller)
{
	Dl_info info;
	if (!dlopen || !dlclose || !dlsym || !dladdr || !dladdr(caller, &info) || !info.dli_fname)
		return;
	void *object = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
	if (!object)
		return;
	*(void **)&cxx->get_new_handler = dlsym(object, "_ZSt15get_new_handlerv");
	*(void **)&cxx->allocate_exception = dlsym(object, "__cxa_allocate_exception");
	*(void **)&cxx->throw = dlsym(object, "__cxa_throw");
	*(void **)&cxx->destroy = dlsym(object, "_ZNSt9bad_allocD1Ev");
	cxx->type = dlsym(object, "_ZTISt9bad_alloc");
	cxx->table = dlsym(object, "_ZTVSt9bad_alloc");
	dlclose(object);
}

/* A bad_alloc has nothing but the pointer to the functions of its class. */
static void throw_bad_alloc(const struct cxx_library *cxx)
{
	void **exception = cxx->allocate_exception(sizeof(void *));
	exception[0] = cxx->table + 2 * sizeof(void *);
	cxx->throw(exception, cxx->type, cxx->destroy);
}

static void *try_again(size_t n, size_t align)
{
	return align ? alloc_aligned(align, n) : alloc_malloc(n);
}

/* Exceptions unwind through these frames, hence -fexceptions for this file. */
static cold_path void *new_failed(size_t n, size_t align, const void *caller)
{
	struct cxx_library cxx = {
	        .get_new_handler = _ZSt15get_new_handlerv,
	        .allocate_exception = __cxa_allocate_exception,
	        .throw = __cxa_throw,
	        .destroy = _ZNSt9bad_allocD1Ev,
	        .type = _ZTISt9bad_alloc,
	        .table = _ZTVSt9bad_alloc,
	};
	if (!cxx.throw)
		find_cxx(&cxx, caller);
	new_handler *handler;
	while (cxx.get_new_handler && (handler = cxx.get_new_handler())) {
		handler();
		void *p = try_again(n, align);
		if (p)
			return p;
	}
	if (cxx.throw &&cxx.allocate_exception && cxx.type && cxx.table)
		throw_bad_alloc(&cxx);
	log_fatal("operator new: no memory, and no C++ library to throw bad_alloc");
}

/* Cold continuation of operator new: malloc's, then C++'s way to fail. */
static cold_path void *new_cold(size_t n, const void *caller)
{
	keep_frame();
	void *p = alloc_doors.malloc(n);
	return likely(p) ? p : new_failed(n, 0, caller);
}

OPERATOR void *_Znwm(size_t n)
{
	size_t slot = alloc_slot(n);
	uintptr_t tls = tcache_tls();
	if (unlikely(!tcache_spend(tls, slot)))
		return new_cold(n, __builtin_return_address(0));
	return alloc_pop(tls, slot);
}

OPERATOR void *_ZnwmSt11align_val_t(size_t n, size_t align)
{
	keep_frame();
	void *p = alloc_aligned(align, n);
	return likely(p) ? p : new_failed(n, align, __builtin_return_address(0));
}

OPERATOR void _ZdlPv(void *p)
{
	alloc_free(p);
}

extern __typeof(_ZdlPv) own_delete __attribute__((alias("_ZdlPv"), visibility("hidden")));
extern __typeof(_ZdlPvSt11align_val_t) own_delete_aligned
        __attribute__((alias("_ZdlPvSt11align_val_t"), visibility("hidden")));

/* In secure: where the operator that is bound is ours, so is
 * the block, and the size is compared. */
static cold_path void check_size(void *p, size_t n, size_t align, bool own)
{
	if (own)
		secure_require_size(p, n, align);
}

OPERATOR void _ZdlPvm(void *p, size_t n)
{
	if (unlikely(size_class_pad))
		check_size(p, n, ALIGN_MIN, _ZdlPv == own_delete);
	_ZdlPv(p);
}

OPERATOR void _ZdlPvSt11align_val_t(void *p, size_t align)
{
	(void)align;
	alloc_free(p);
}

OPERATOR void _ZdlPvmSt11align_val_t(void *p, size_t n, size_t align)
{
	if (unlikely(size_class_pad))
		check_size(p, n, align, _ZdlPvSt11align_val_t == own_delete_aligned);
	_ZdlPvSt11align_val_t(p, align);
}
