/* SPDX-License-Identifier: MIT */
#include "tools/base/say.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/text.h"

enum { HELD_MAX = 64 };

static pthread_mutex_t lock =
        PTHREAD_MUTEX_INITIALIZER; /* threads that read files have their say */
static bool holding;
static char *held[HELD_MAX]; /* of more, the oldest give way */
static size_t held_count;

static void hold(const char *line)
{
	if (held_count == HELD_MAX) {
		free(held[0]);
		memmove(held, held + 1, (HELD_MAX - 1) * sizeof(*held));
		held_count--;
	}
	held[held_count] = strdup(line);
	held_count += held[held_count] != NULL;
}

void say(const char *format, ...)
{
	char line[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	text__flatten(line);
	pthread_mutex_lock(&lock);
	if (holding) {
		hold(line);
	} else {
		fflush(stdout); /* so that both appear in order on a terminal */
		fprintf(stderr, "hakprobe: %s\n", line);
	}
	pthread_mutex_unlock(&lock);
}

int say__written(const char *path, int err)
{
	if (err)
		say("cannot write %s: %s", path, strerror(-err));
	else
		say("wrote %s", path);
	return err;
}

void say__hold(void)
{
	holding = true;
}

void say__release(void)
{
	holding = false;
	for (size_t i = 0; i < held_count; i++) {
		fprintf(stderr, "hakprobe: %s\n", held[i]);
		free(held[i]);
	}
	held_count = 0;
}

const char *say__newest(void)
{
	return held_count ? held[held_count - 1] : "";
}
