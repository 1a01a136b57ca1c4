/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <string.h>

#include "log.h"
#include "os.h"

struct options options = {
        .force_libc = 0,
        .fastlane_direct = 1,
        .profile = PROFILE_SPEED,
        .sample_bytes = 512 * 1024,
        .guard = 0,
        .purge_ms = 1000,
        .huge_pages = 0,
        .bind_libc = 1,
        .verbose = VERBOSE_QUIET,
};

enum { WORDS_MAX = 3 };

struct option {
	const char *name; /* without HAKMEM_ */
	uint64_t *value;
	uint64_t min, max;            /* of a number */
	const char *words[WORDS_MAX]; /* names of 0, 1, 2, … where the option takes words */
	const char *initial;          /* the default as it would be written */
	const char *help;
};

#define PREFIX "HAKMEM_"

/* clang-format off */
static const struct option table[] = {
	{"FORCE_LIBC_ALLOC", &options.force_libc, 0, 1, {0}, "0",
	 "1: every allocation is served by glibc. Proved at start by looking at the owner of a block; "
	 "the program is aborted if it had no effect. Nothing is counted."},
	{"FASTLANE_DIRECT", &options.fastlane_direct, 0, 1, {0}, "1",
	 "0: checked mode. Every operation goes through the cold path, block by block, and is checked: "
	 "a double or invalid free is reported at once."},
	{"PROFILE", &options.profile, 0, 2, {"speed", "lean", "secure"}, "speed",
	 "Preset. speed: magazines of up to 64 KiB. lean: of up to 8 KiB, purge after 100 ms. secure: no "
	 "magazines, purge after 100 ms; every free is checked at once, freed blocks are cleared, wait to be "
	 "handed out again in random order, and must then still be clear (docs/security.md)."},
	{"SAMPLE_BYTES", &options.sample_bytes, 1, (uint64_t)1 << 40, {0}, "524288",
	 "Mean distance in bytes between samples while a tool is attached to `otel_memory:alloc`."},
	{"GUARD", &options.guard, 0, 1000000000, {0}, "0",
	 "N ≥ 1: one in N allocations of up to 4 KiB, chosen at random, is guarded: it lies at the edge of "
	 "a page between inaccessible ones and is inaccessible once it is freed, so that overflow and use "
	 "after free are reported on stderr and end the process. Up to 256 at a time; 1000 to 10000 are for "
	 "production. No effect in checked mode or with HAKMEM_FORCE_LIBC_ALLOC=1."},
	{"PURGE_MS", &options.purge_ms, 0, 3600000, {0}, "1000",
	 "Milliseconds after which free memory is given back to the OS; looked at on the cold path. "
	 "Overrides what the profile says."},
	{"HUGE_PAGES", &options.huge_pages, 0, 1, {0}, "0",
	 "1: leave the use of transparent huge pages for arenas to the system's setting. 0: arenas use "
	 "4 KiB pages, which keeps small heaps small."},
	{"BIND_LIBC", &options.bind_libc, 0, 1, {0}, "1",
	 "1: whoever looks for malloc and its kin in libc itself finds ours, so that libraries loaded with "
	 "RTLD_DEEPBIND (php's extensions) and the program can free each other's blocks. 0: libc's table of "
	 "symbols is left alone; such a library ends the process when it frees a block of ours. No effect "
	 "with HAKMEM_FORCE_LIBC_ALLOC=1."},
	{"VERBOSE", &options.verbose, 0, 2, {"quiet", "start", "options"}, "quiet",
	 "start: lines on stderr at start, with the mode in force and what was proved. options: this "
	 "table, as Markdown."},
};
/* clang-format on */

enum { OPTIONS = sizeof(table) / sizeof(table[0]) };

static bool purge_given;

static bool parse_number(const char *text, uint64_t *value)
{
	uint64_t n = 0;
	if (!*text)
		return false;
	for (; *text; text++) {
		unsigned digit = (unsigned)(*text - '0');
		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*value = n;
	return true;
}

static bool parse(const struct option *o, const char *text, uint64_t *value)
{
	for (unsigned i = 0; i < WORDS_MAX && o->words[i]; i++) {
		if (!strcmp(o->words[i], text)) {
			*value = i;
			return true;
		}
	}
	return parse_number(text, value) && *value >= o->min && *value <= o->max;
}

static void log_range(struct log_line *line, const struct option *o)
{
	if (!o->words[0]) {
		log_number(line, o->min);
		log_text(line, " to ");
		log_number(line, o->max);
		return;
	}
	for (unsigned i = 0; i < WORDS_MAX && o->words[i]; i++) {
		log_text(line, i ? ", " : "");
		log_text(line, o->words[i]);
	}
}

static void report_value(const struct option *o, const char *text)
{
	struct log_line line = {.used = 0};
	log_text(&line, "hakmem: " PREFIX);
	log_text(&line, o->name);
	log_text(&line, "=");
	log_text(&line, text);
	log_text(&line, " is not a value it takes (");
	log_range(&line, o);
	log_text(&line, "); keeping ");
	log_text(&line, o->initial);
	log_write(&line);
}

static void report_name(const char *entry)
{
	struct log_line line = {.used = 0};
	log_text(&line, "hakmem: no such option: ");
	log_text(&line, entry);
	log_text(&line, "; HAKMEM_VERBOSE=options lists them");
	log_write(&line);
}

static void read_entry(const char *entry)
{
	size_t prefix = sizeof(PREFIX) - 1;
	if (strncmp(entry, PREFIX, prefix) != 0)
		return;
	for (unsigned i = 0; i < OPTIONS; i++) {
		const struct option *o = &table[i];
		size_t n = strlen(o->name);
		if (strncmp(entry + prefix, o->name, n) != 0 || entry[prefix + n] != '=')
			continue;
		uint64_t value;
		if (!parse(o, entry + prefix + n + 1, &value)) {
			report_value(o, entry + prefix + n + 1);
			return;
		}
		*o->value = value;
		purge_given |= o->value == &options.purge_ms;
		return;
	}
	report_name(entry);
}

void options_read(void)
{
	os_each_environment(read_entry);
	if (options.profile != PROFILE_SPEED && !purge_given)
		options.purge_ms = 100;
}

void options_print(void)
{
	struct log_line line = {.used = 0};
	log_text(
	        &line,
	        "# Options\n\nRead once from the environment, before the first allocation. A value "
	        "that is unknown or out of range is\nreported once on stderr and the default is kept. "
	        "Programs that run set-user-ID ignore them.\n\nGenerated by `make docs` from the table "
	        "in alloc/options.c.\n\n| option | values | default | meaning |\n|---|---|---|---|");
	log_write(&line);
	for (unsigned i = 0; i < OPTIONS; i++) {
		log_text(&line, "| `" PREFIX);
		log_text(&line, table[i].name);
		log_text(&line, "` | ");
		log_range(&line, &table[i]);
		log_text(&line, " | ");
		log_text(&line, table[i].initial);
		log_text(&line, " | ");
		log_text(&line, table[i].help);
		log_text(&line, " |");
		log_write(&line);
	}
}

bool options_value(const char *name, uint64_t *value)
{
	size_t prefix = sizeof(PREFIX) - 1;
	if (strncmp(name, PREFIX, prefix) != 0)
		return false;
	for (unsigned i = 0; i < OPTIONS; i++) {
		if (!strcmp(table[i].name, name + prefix)) {
			*value = *table[i].value;
			return true;
		}
	}
	return false;
}
