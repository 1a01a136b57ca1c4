// SPDX-License-Identifier: MIT
// C++: every form of new and delete, failure, new_handler, exceptions, containers, threads.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "check.h"

namespace
{

struct alignas(64) Aligned64 {
	char data[100];
};
struct alignas(4096) Aligned4096 {
	char data[10];
};

template <typename T> void one_and_many()
{
	for (int i = 0; i < 100; i++) {
		T *one = new T;
		T *many = new T[7];
		CHECK(reinterpret_cast<std::uintptr_t>(one) % alignof(T) == 0);
		CHECK(reinterpret_cast<std::uintptr_t>(many) % alignof(T) == 0);
		std::memset(static_cast<void *>(one), 1, sizeof(T));
		std::memset(static_cast<void *>(many), 1, 7 * sizeof(T));
		delete one;
		delete[] many;
	}
}

void operators()
{
	for (std::size_t size : {std::size_t(0), std::size_t(1), std::size_t(100),
	                         std::size_t(5000), std::size_t(1) << 20}) {
		::operator delete(::operator new(size));
		::operator delete(::operator new(size), size);
		::operator delete[](::operator new[](size));
		::operator delete[](::operator new[](size), size);
		::operator delete(::operator new(size, std::nothrow), std::nothrow);
		::operator delete[](::operator new[](size, std::nothrow), std::nothrow);
		for (std::size_t a :
		     {std::size_t(8), std::size_t(32), std::size_t(128), std::size_t(65536)}) {
			std::align_val_t alignment{a};
			void *p = ::operator new(size, alignment);
			CHECK(p && reinterpret_cast<std::uintptr_t>(p) % a == 0);
			::operator delete(p, alignment);
			::operator delete(::operator new(size, alignment), size, alignment);
			::operator delete[](::operator new[](size, alignment), alignment);
			::operator delete[](::operator new[](size, alignment), size, alignment);
			::operator delete(::operator new(size, alignment, std::nothrow), alignment);
		}
	}
	::operator delete(nullptr);
	::operator delete(nullptr, std::size_t(10));
}

volatile const std::size_t too_large_seen = static_cast<std::size_t>(PTRDIFF_MAX) - 100;
const std::size_t too_large = too_large_seen; // so that the compiler does not see its value

template <typename F> bool throws_bad_alloc(F f)
{
	try {
		f();
	} catch (const std::bad_alloc &) {
		return true;
	}
	return false;
}

void failure()
{
	CHECK(throws_bad_alloc([] { ::operator delete(::operator new(too_large)); }));
	CHECK(throws_bad_alloc([] { ::operator delete[](::operator new[](too_large)); }));
	CHECK(throws_bad_alloc([] {
		::operator delete(::operator new(too_large, std::align_val_t(64)),
		                  std::align_val_t(64));
	}));
	CHECK(throws_bad_alloc([] { std::vector<char> v(too_large); }));
	CHECK(::operator new(too_large, std::nothrow) == nullptr);
	CHECK(::operator new[](too_large, std::nothrow) == nullptr);
	CHECK(::operator new(too_large, std::align_val_t(64), std::nothrow) == nullptr);
}

int handler_calls;

void handler()
{
	if (++handler_calls == 3)
		std::set_new_handler(nullptr);
}

struct Gave_up {
};
void throwing_handler()
{
	throw Gave_up();
}

void new_handlers()
{
	std::set_new_handler(handler);
	CHECK(throws_bad_alloc([] { ::operator delete(::operator new(too_large)); }));
	CHECK(handler_calls == 3);
	handler_calls = 0;
	std::set_new_handler(handler);
	CHECK(throws_bad_alloc([] {
		::operator delete(::operator new(too_large, std::align_val_t(64)),
		                  std::align_val_t(64));
	}));
	CHECK(handler_calls == 3);
	std::set_new_handler(throwing_handler);
	bool thrown = false;
	try {
		::operator delete(::operator new(too_large));
	} catch (const Gave_up &) {
		thrown = true;
	}
	CHECK(thrown);
	std::set_new_handler(nullptr);
}

void containers(unsigned seed)
{
	std::map<int, std::string> ordered;
	std::unordered_map<std::string, std::vector<int>> hashed;
	for (unsigned i = 0; i < 5000; i++) {
		int key = static_cast<int>((i * 2654435761u + seed) % 3000);
		ordered[key] += std::string(static_cast<std::size_t>(key % 100), 'x');
		hashed[std::to_string(key)].push_back(key);
		if (i % 3 == 0)
			ordered.erase(key / 2);
	}
	for (const auto &entry : hashed)
		for (int value : entry.second)
			CHECK(std::to_string(value) == entry.first);
	for (const auto &entry : ordered)
		CHECK(entry.second.size() %
		              static_cast<std::size_t>(entry.first % 100 ? entry.first % 100 : 1) ==
		      0);
}

void throw_deep(int depth)
{
	std::vector<std::string> local(3, std::string(100, 'y'));
	if (depth == 0)
		throw std::runtime_error(std::string(200, 'z'));
	throw_deep(depth - 1);
}

void exceptions()
{
	for (int i = 0; i < 200; i++) {
		try {
			throw_deep(20);
			CHECK(false);
		} catch (const std::exception &error) {
			CHECK(std::strlen(error.what()) == 200);
		}
	}
}

} // namespace

int main()
{
	require_hakmem();
	one_and_many<char>();
	one_and_many<double>();
	one_and_many<Aligned64>();
	one_and_many<Aligned4096>();
	operators();
	failure();
	new_handlers();
	exceptions();
	std::vector<std::thread> threads;
	for (unsigned i = 0; i < 4; i++)
		threads.emplace_back([i] {
			containers(i);
			exceptions();
		});
	for (auto &thread : threads)
		thread.join();
	std::shared_ptr<std::string> shared = std::make_shared<std::string>("shared");
	std::thread([shared] { CHECK(*shared == "shared"); }).join();
	return checks_result();
}
