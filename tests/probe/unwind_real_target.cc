// SPDX-License-Identifier: MIT
/*
 * C++ as it is shipped: templates, containers, virtual calls, an exception now and then, threads, no
 * frame pointers. Runs until stdin ends.
 */
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <poll.h>

namespace
{

struct Shape {
	virtual ~Shape() = default;
	virtual std::string name(int n) const = 0;
};

struct Round : Shape {
	std::string name(int n) const override
	{
		std::ostringstream text;
		text << "a round shape with a long name " << n;
		return text.str();
	}
};

struct Square : Shape {
	std::string name(int n) const override
	{
		if (n % 64 == 0)
			throw std::runtime_error(std::string(200, 'x'));
		return std::string(100 + n % 400, 's');
	}
};

void work(int seed)
{
	std::map<std::string, std::vector<int>> tree;
	std::unordered_map<int, std::unique_ptr<Shape>> shapes;

	for (int i = 0; i < 200; i++) {
		int n = seed + i * 7;
		if (i % 2)
			shapes[n] = std::make_unique<Round>();
		else
			shapes[n] = std::make_unique<Square>();
		try {
			tree[shapes[n]->name(n)].assign(static_cast<size_t>(10 + i), n);
		} catch (const std::exception &e) {
			tree[e.what()].push_back(n);
		}
	}
	std::vector<std::string> names;
	for (auto &entry : tree)
		names.push_back(entry.first + "!");
	std::function<bool(const std::string &, const std::string &)> less =
		[](const std::string &a, const std::string &b) { return a + "x" < b; };
	std::sort(names.begin(), names.end(), less);
}

bool ended()
{
	struct pollfd input = {0, POLLIN, 0};
	return poll(&input, 1, 0) > 0;
}

} // namespace

int main()
{
	for (int seed = 0; !ended(); seed++) {
		std::thread other(work, seed);
		work(seed + 1);
		other.join();
	}
}
