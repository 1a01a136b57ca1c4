/* SPDX-License-Identifier: MIT */
/* Options take effect, and values that are none are reported and leave the default. */
#include "alloc/options.h"
#include "tests/alloc/support.h"
#include "tests/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK_TEXT(text, expected) CHECK(strcmp(text, expected) == 0)

static void read_and_tell(void *names)
{
	options_read();
	char text[200];
	size_t n = 0;
	for (char *name = names; *name; name += strlen(name) + 1) {
		uint64_t value = 0;
		bool known = options_value(name, &value);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "=%d:%llu\n", known,
		                      (unsigned long long)value);
	}
	if (write(STDERR_FILENO, text, n) < 0)
		_exit(1);
}

static void with(const char *name, const char *value, const char *tell, char *text, size_t size)
{
	setenv(name, value, 1);
	support_in_child(read_and_tell, (void *)(uintptr_t)tell, text, size);
	unsetenv(name);
}

TEST(options_take_effect)
{
	char text[1000];
	with("HAKMEM_SAMPLE_BYTES", "4096", "HAKMEM_SAMPLE_BYTES\0", text, sizeof(text));
	CHECK_TEXT(text, "=1:4096\n");
	with("HAKMEM_FORCE_LIBC_ALLOC", "1", "HAKMEM_FORCE_LIBC_ALLOC\0", text, sizeof(text));
	CHECK_TEXT(text, "=1:1\n");
	with("HAKMEM_PROFILE", "secure", "HAKMEM_PROFILE\0HAKMEM_PURGE_MS\0", text, sizeof(text));
	CHECK_TEXT(text, "=1:2\n=1:100\n");
}

TEST(options_refuse_and_keep)
{
	char text[1000];
	with("HAKMEM_PURGE_MS", "soon", "HAKMEM_PURGE_MS\0", text, sizeof(text));
	CHECK_TEXT(text,
	           "hakmem: HAKMEM_PURGE_MS=soon is not a value it takes (0 to 3600000); keeping "
	           "1000\n=1:1000\n");
	with("HAKMEM_SAMPLE_BYTES", "0", "HAKMEM_SAMPLE_BYTES\0", text, sizeof(text));
	CHECK(strstr(text, "keeping 524288\n=1:524288\n") != NULL);
	with("HAKMEM_SAMPLE_BYTES", "99999999999999999999999", "HAKMEM_SAMPLE_BYTES\0", text,
	     sizeof(text));
	CHECK(strstr(text, "keeping 524288\n=1:524288\n") != NULL);
	with("HAKMEM_PROFILE", "fast", "HAKMEM_PROFILE\0", text, sizeof(text));
	CHECK_TEXT(text,
	           "hakmem: HAKMEM_PROFILE=fast is not a value it takes (speed, lean, secure); "
	           "keeping speed\n=1:0\n");
	with("HAKMEM_FASTLANE", "1", "HAKMEM_FASTLANE\0", text, sizeof(text));
	CHECK_TEXT(text, "hakmem: no such option: HAKMEM_FASTLANE=1; HAKMEM_VERBOSE=options lists "
	                 "them\n=0:0\n");
}
