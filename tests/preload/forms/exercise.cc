// SPDX-License-Identifier: MIT
// Calls each of C++'s replaceable operators, and prints for each call which replacements were reached. What is printed
// must not depend on the allocator.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

enum { FORMS = 20 };

static int calls[FORMS];

extern "C" __attribute__((visibility("default"), used)) void form_called(int form)
{
	calls[form]++;
}

static void say(const char *step)
{
	std::printf("%s:", step);
	for (int form = 0; form < FORMS; form++) {
		if (calls[form])
			std::printf(" %dx%d", form, calls[form]);
		calls[form] = 0;
	}
	std::puts("");
}

#define STEP(call) (call, say(#call))

static const std::align_val_t al{128};
static const std::nothrow_t &nt = std::nothrow;
static volatile std::size_t seen = (~std::size_t(0) >> 1) - 1000;
static int handled;

struct alignas(128) Wide {
	char bytes[200];
	~Wide() { bytes[0] = 0; }
};
struct Plain {
	virtual ~Plain() = default;
	char bytes[50];
};

static void handler()
{
	if (++handled % 2 == 0)
		std::set_new_handler(nullptr);
}

template <typename F> static void failing(const char *what, F f)
{
	std::set_new_handler(handler);
	try {
		void *p = f();
		std::printf("%s gives %s after %d\n", what, p ? "a block" : "nothing", handled);
	} catch (const std::bad_alloc &) {
		std::printf("%s throws after %d\n", what, handled);
	}
	say(what);
}

int main()
{
	void *p;
	const std::size_t n = 100, huge = seen;
	STEP(p = ::operator new(n)), STEP(::operator delete(p));
	STEP(p = ::operator new(n)), STEP(::operator delete(p, n));
	STEP(p = ::operator new(n, nt)), STEP(::operator delete(p, nt));
	STEP(p = ::operator new[](n)), STEP(::operator delete[](p));
	STEP(p = ::operator new[](n)), STEP(::operator delete[](p, n));
	STEP(p = ::operator new[](n, nt)), STEP(::operator delete[](p, nt));
	STEP(p = ::operator new(n, al)), STEP(::operator delete(p, al));
	STEP(p = ::operator new(n, al)), STEP(::operator delete(p, n, al));
	STEP(p = ::operator new(n, al, nt)), STEP(::operator delete(p, al, nt));
	STEP(p = ::operator new[](n, al)), STEP(::operator delete[](p, al));
	STEP(p = ::operator new[](n, al)), STEP(::operator delete[](p, n, al));
	STEP(p = ::operator new[](n, al, nt)), STEP(::operator delete[](p, al, nt));
	{
		auto one = std::make_unique<Plain>();
		auto many = std::make_unique<Plain[]>(3);
		auto wide = std::make_unique<Wide>();
		auto wides = std::make_unique<Wide[]>(3);
		std::vector<std::string> texts(20, std::string(100, 'x'));
		say("made");
	}
	say("unmade");
	failing("new", [=] { return ::operator new(huge); });
	failing("new[]", [=] { return ::operator new[](huge); });
	failing("new nothrow", [=] { return ::operator new(huge, nt); });
	failing("new[] nothrow", [=] { return ::operator new[](huge, nt); });
	failing("aligned new", [=] { return ::operator new(huge, al); });
	failing("aligned new nothrow", [=] { return ::operator new[](huge, al, nt); });
}
