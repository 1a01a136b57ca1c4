// SPDX-License-Identifier: MIT
// Replacements of C++'s operators: those whose bits are set in FORMS, each by malloc and free, so that any of them can
// be combined with any default.
#include <cstdlib>
#include <new>

extern "C" void form_called(int form);

[[maybe_unused]] static void *take(int form, std::size_t n, std::size_t align)
{
	form_called(form);
	return align ? std::aligned_alloc(align, n / align * align + align) : std::malloc(n);
}

[[maybe_unused]] static void *take_or_throw(int form, std::size_t n, std::size_t align)
{
	for (;;) {
		void *p = take(form, n, align);
		if (p)
			return p;
		std::new_handler handler = std::get_new_handler();
		if (!handler)
			throw std::bad_alloc();
		handler();
	}
}

[[maybe_unused]] static void give(int form, void *p)
{
	form_called(form);
	std::free(p);
}

#define HAS(form) (FORMS >> (form)&1)
using nt = const std::nothrow_t &;
using al = std::align_val_t;
using sz = std::size_t;

#if HAS(0)
void *operator new(sz n) { return take_or_throw(0, n, 0); }
#endif
#if HAS(1)
void *operator new[](sz n) { return take_or_throw(1, n, 0); }
#endif
#if HAS(2)
void *operator new(sz n, nt) noexcept { return take(2, n, 0); }
#endif
#if HAS(3)
void *operator new[](sz n, nt) noexcept { return take(3, n, 0); }
#endif
#if HAS(4)
void *operator new(sz n, al a) { return take_or_throw(4, n, sz(a)); }
#endif
#if HAS(5)
void *operator new[](sz n, al a) { return take_or_throw(5, n, sz(a)); }
#endif
#if HAS(6)
void *operator new(sz n, al a, nt) noexcept { return take(6, n, sz(a)); }
#endif
#if HAS(7)
void *operator new[](sz n, al a, nt) noexcept { return take(7, n, sz(a)); }
#endif
#if HAS(8)
void operator delete(void *p) noexcept { give(8, p); }
#endif
#if HAS(9)
void operator delete[](void *p) noexcept { give(9, p); }
#endif
#if HAS(10)
void operator delete(void *p, nt) noexcept { give(10, p); }
#endif
#if HAS(11)
void operator delete[](void *p, nt) noexcept { give(11, p); }
#endif
#if HAS(12)
void operator delete(void *p, sz) noexcept { give(12, p); }
#endif
#if HAS(13)
void operator delete[](void *p, sz) noexcept { give(13, p); }
#endif
#if HAS(14)
void operator delete(void *p, al) noexcept { give(14, p); }
#endif
#if HAS(15)
void operator delete[](void *p, al) noexcept { give(15, p); }
#endif
#if HAS(16)
void operator delete(void *p, al, nt) noexcept { give(16, p); }
#endif
#if HAS(17)
void operator delete[](void *p, al, nt) noexcept { give(17, p); }
#endif
#if HAS(18)
void operator delete(void *p, sz, al) noexcept { give(18, p); }
#endif
#if HAS(19)
void operator delete[](void *p, sz, al) noexcept { give(19, p); }
#endif
