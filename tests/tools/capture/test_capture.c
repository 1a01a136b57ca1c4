/* SPDX-License-Identifier: MIT */
/* Captures that are whole, cut short at every length, and with every byte changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness.h"
#include "tools/capture/capture.h"
#include "tools/capture/symbols.h"

static char path[64], why[256];

static bool write_small(void)
{
	static const struct capture_call calls[] = {
	        {0x1000, "main", CAPTURE_CALL},
	        {0x1000, "middle (inlined)", CAPTURE_CALL | CAPTURE_INLINED},
	        {0x2000, "prog+0x1f0", CAPTURE_CALL},
	        {0x3000, "malloc", 0},
	};
	struct hak_sample_event *event = calloc(1, sizeof(*event));
	struct capture_writer *w;
	bool good;

	snprintf(path, sizeof(path), "/tmp/hakmem-capture-%d.hak", (int)getpid());
	w = capture_writer__new(path);
	if (!w || !event)
		return false;
	good = !capture_writer__info(w, "command", "a program\nof two lines");
	good &= !capture_writer__info(w, "pid", "42");
	for (uint64_t i = 0; i < 6; i++) {
		event->time_ns = 100 + i;
		event->ptr = 0x7000 + 16 * i;
		event->size = 10;
		event->weighted_bytes = 1000 * i;
		event->pid = event->tid = 42;
		strcpy(event->comm, i < 3 ? "first" : "fifteen letters");
		good &= !capture_writer__sample(w, event, calls + i % 2, 4 - i % 2, i % 2);
	}
	good &= !capture_writer__freed(w, 200, 0x7010);
	good &= !capture_writer__module(w, (struct capture_module){0x1000, 0x4000, 0x1000, 0, 0},
	                                "/bin/prog", "0123456789abcdef");
	good &= !capture_writer__class(w, &(struct capture_class){3, 0, 48, 70, 60});
	good &= access(path, F_OK) != 0; /* not before it is whole */
	good &= !capture_writer__finish(w, 5);
	capture_writer__free(w);
	free(event);
	return good;
}

TEST(capture_comes_back_as_it_was_written)
{
	struct capture *c;
	char value[64];

	REQUIRE(write_small());
	REQUIRE(capture__read(&c, path, why, sizeof(why)) == 0);
	CHECK(c->end.samples == 6 && c->end.stacks == 2 && c->end.frees == 1 && c->end.lost == 5);
	CHECK(!strcmp(capture__info(c, "command", value, sizeof(value)), "a program of two lines"));
	CHECK(!strcmp(capture__info(c, "pid", value, sizeof(value)), "42"));
	CHECK(!strcmp(capture__info(c, "pi", value, sizeof(value)), ""));
	const struct capture_sample *last = &c->samples[5];
	CHECK(last->weighted_bytes == 5000 && last->time_ns == 105 && last->ptr == 0x7050);
	CHECK(!strcmp(c->names[last->comm], "fifteen letters"));
	const struct capture_stack *stack = c->stacks[last->stack];
	CHECK(stack->count == 3 && stack->flags == CAPTURE_TRUNCATED);
	CHECK(!strcmp(c->names[stack->frames[0].name], "middle (inlined)"));
	CHECK(stack->frames[0].flags == (CAPTURE_CALL | CAPTURE_INLINED));
	CHECK(c->frees[0].ptr == 0x7010 && c->frees[0].time_ns == 200);
	CHECK(!strcmp(c->names[c->modules[0].path], "/bin/prog"));
	CHECK(c->classes[0].class == 3 && c->classes[0].mallocs == 70);
	capture__free(c);
	unlink(path);
}

static void put(const unsigned char *bytes, size_t size)
{
	FILE *file = fopen(path, "w");

	if (file && size)
		fwrite(bytes, size, 1, file);
	if (file)
		fclose(file);
}

TEST(capture_that_is_damaged_is_refused)
{
	static unsigned char bytes[8192];
	struct capture *c;
	size_t size;

	REQUIRE(write_small());
	FILE *file = fopen(path, "r");
	REQUIRE(file != NULL);
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	REQUIRE(size > 400 && size < sizeof(bytes));
	for (size_t i = 0; i < size; i++) {
		put(bytes, i);
		*why = '\0';
		CHECK(capture__read(&c, path, why, sizeof(why)) != 0);
		CHECK(c == NULL && *why != '\0');
	}
	for (size_t i = 0; i < size; i++) {
		bytes[i] ^= 0x5a;
		put(bytes, size);
		/* The header's reserved word, and a chunk of an unknown kind, may be anything. */
		if (!capture__read(&c, path, why, sizeof(why)))
			capture__free(c);
		bytes[i] ^= 0x5a;
	}
	bytes[8] = 2;
	put(bytes, size);
	CHECK(capture__read(&c, path, why, sizeof(why)) != 0);
	CHECK(!strcmp(why, "is a capture of version 2, this hakprobe reads version 1"));
	unlink(path);
	CHECK(capture__read(&c, path, why, sizeof(why)) != 0);
	CHECK(!strcmp(why, "cannot be opened: No such file or directory"));
	CHECK(capture__read(&c, "/bin/sh", why, sizeof(why)) != 0);
	CHECK(!strcmp(why, "is no capture"));
}

TEST(capture_nothing_is_left_when_not_finished)
{
	struct capture_writer *w;

	snprintf(path, sizeof(path), "/tmp/hakmem-capture-%d.hak", (int)getpid());
	w = capture_writer__new(path);
	REQUIRE(w != NULL);
	capture_writer__free(w);
	CHECK(access(path, F_OK) != 0);
	CHECK(capture_writer__new("/nowhere/x.hak") == NULL);
	capture_writer__free(NULL);
	capture__free(NULL);
}

TEST(capture_names_that_are_none)
{
	CHECK(capture_symbols__is_nameless("libc.so.6+0x1f0"));
	CHECK(capture_symbols__is_nameless("[unknown]"));
	CHECK(!capture_symbols__is_nameless("main"));
	CHECK(!capture_symbols__is_nameless("operator+"));
	CHECK(!capture_symbols__is_nameless("a+0x"));
	CHECK(!capture_symbols__is_nameless("a+0x12g"));
}
