/* SPDX-License-Identifier: MIT */
/* The environment as libhakmem reads it: a line of the input is an entry. */
#include "alloc/options.h"

#include <string.h>

#include "tests/fuzz/input.h"

static char *text;

void __wrap_os_each_environment(void (*each)(const char *entry));
void __wrap_os_each_environment(void (*each)(const char *entry))
{
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		each(line);
	}
}

void __wrap_os_write_stderr(const char *line, size_t bytes);
void __wrap_os_write_stderr(const char *line, size_t bytes)
{
	if (!bytes || line[bytes - 1] != '\n' || memchr(line, '\n', bytes - 1))
		abort(); /* a report is one line */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct options initial = {.fastlane_direct = 1, .sample_bytes = 1};

	text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	options = initial;
	options_read();
	if (options.force_libc > 1 || options.fastlane_direct > 1 || options.huge_pages > 1 ||
	    options.profile > PROFILE_SECURE || options.verbose > VERBOSE_OPTIONS ||
	    !options.sample_bytes || options.sample_bytes > 1ull << 40 ||
	    options.purge_ms > 3600000)
		abort();
	free(text);
	return 0;
}
