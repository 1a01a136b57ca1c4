/* SPDX-License-Identifier: MIT */
#include "bench/lab/claims.h"

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/elf_file.h"

__attribute__((format(printf, 2, 3))) static bool refuse(char why[ARM_WHY], const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(why, ARM_WHY, format, arguments);
	va_end(arguments);
	return false;
}

static const char *text_of(json_object *object, const char *key)
{
	const char *text = json_object_get_string(json_object_object_get(object, key));
	return text ? text : "none";
}

static bool true_of(json_object *object, const char *key)
{
	return json_object_get_boolean(json_object_object_get(object, key));
}

/* Value of the setting `name`; NULL when the arm does not have it. */
static const char *setting_of(const struct arm *arm, const char *name)
{
	size_t length = strlen(name);
	for (size_t i = 0; arm->settings[i]; i++)
		if (!strncmp(arm->settings[i], name, length) && arm->settings[i][length] == '=')
			return arm->settings[i] + length + 1;
	return NULL;
}

static bool setting_is(const struct arm *arm, const char *name, const char *value)
{
	const char *set = setting_of(arm, name);
	return set && !strcmp(set, value);
}

static bool same_file(const char *a, const char *b)
{
	char real_a[PATH_MAX], real_b[PATH_MAX];
	return realpath(a, real_a) && realpath(b, real_b) && !strcmp(real_a, real_b);
}

static bool is_libc(const char *path)
{
	const char *name = strrchr(path, '/');
	return !strncmp(name ? name + 1 : path, "libc.so", 7) ||
	       !strncmp(name ? name + 1 : path, "libc-", 5);
}

static bool library_holds(const struct arm *arm, json_object *proof, char why[ARM_WHY])
{
	char build_id[BUILD_ID_TEXT];
	const char *allocator = text_of(proof, "allocator");
	if (!arm->library)
		return is_libc(allocator) ||
		       refuse(why, "malloc is in %s, not in the C library", allocator);
	if (!same_file(allocator, arm->library))
		return refuse(why, "malloc is in %s, not in %s", allocator, arm->library);
	if (elf_file_build_id(arm->library, build_id) &&
	    strcmp(build_id, text_of(proof, "build_id")) != 0)
		return refuse(why, "build-id in memory is %s, that of %s is %s",
		              text_of(proof, "build_id"), arm->library, build_id);
	return true;
}

int claims_word(const char *table, const char *option, const char *word)
{
	char row[96];
	snprintf(row, sizeof(row), "| `%s` | ", option);
	const char *words = table ? strstr(table, row) : NULL;
	if (!words)
		return -1;
	words += strlen(row);
	for (int position = 0;; position++) {
		size_t length = strcspn(words, ", |\n");
		if (length == strlen(word) && !strncmp(words, word, length))
			return position;
		words += length;
		if (strncmp(words, ", ", 2) != 0)
			return -1;
		words += 2;
	}
}

static bool setting_holds(const char *setting, json_object *options, const char *table,
                          char why[ARM_WHY])
{
	char name[96], *end;
	json_object *in_force;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(setting, "="), setting);
	const char *value = setting + strlen(name) + (setting[strlen(name)] == '=');
	if (!json_object_object_get_ex(options, name, &in_force) || !in_force)
		return refuse(why, "%s had no effect: the library knows no such option", setting);
	unsigned long long wanted = strtoull(value, &end, 0);
	if (*end || end == value) {
		int word = claims_word(table, name, value);
		if (!table)
			return true;
		if (word < 0)
			return refuse(why, "%s: '%s' is no value of %s", setting, value, name);
		wanted = (unsigned long long)word;
	}
	if (json_object_get_uint64(in_force) != wanted)
		return refuse(why, "%s had no effect: %llu is in force", setting,
		              (unsigned long long)json_object_get_uint64(in_force));
	return true;
}

/* The effects of the two switches that change the mode. */
static bool mode_holds(const struct arm *arm, json_object *proof, char why[ARM_WHY])
{
	json_object *caught = json_object_object_get(proof, "double_free_caught");
	bool libc = setting_is(arm, "HAKMEM_FORCE_LIBC_ALLOC", "1");
	bool checked = !libc && setting_is(arm, "HAKMEM_FASTLANE_DIRECT", "0");
	bool every_free = checked || setting_is(arm, "HAKMEM_PROFILE", "secure");
	const char *wanted = libc ? "libc" : checked ? "checked" : "normal";
	if (!json_object_object_get(proof, "mode"))
		return true; /* not libhakmem */
	if (strcmp(text_of(proof, "mode"), wanted) != 0)
		return refuse(why, "mode %s is in force, not %s", text_of(proof, "mode"), wanted);
	if (true_of(proof, "owned") == libc)
		return refuse(why, "a fresh block is %s",
		              libc ? "libhakmem's, not glibc's" : "not libhakmem's");
	if (libc && !true_of(proof, "in_heap"))
		return refuse(why, "a fresh block is not in glibc's heap");
	if (!libc && caught && json_object_get_boolean(caught) != every_free)
		return refuse(why, "mode %s is said to be in force, but a double free is %s",
		              wanted, every_free ? "not caught at once" : "caught at once");
	return true;
}

bool claims_hold(const struct arm *arm, json_object *proof, const char *table, char why[ARM_WHY])
{
	if (arm->command && !arm->library && !arm->settings[0])
		return true; /* a command as it is: it claims nothing */
	if (!proof)
		return refuse(why, "the measured process proved nothing");
	if (!library_holds(arm, proof, why))
		return false;
	for (size_t i = 0; arm->settings[i]; i++)
		if (!strncmp(arm->settings[i], "HAKMEM_", 7) &&
		    !setting_holds(arm->settings[i], json_object_object_get(proof, "options"),
		                   table, why))
			return false;
	return mode_holds(arm, proof, why);
}

/* --- a command's bindings --------------------------------------------------------------------- */

/*
 * "binding file WHO [0] to WHERE [0]: normal symbol `malloc'". The library's own look-ups are of
 * libc's functions and say nothing, and neither does a binding to an entry that only jumps on
 * (elf_file.h); where that jumps to has a line of its own.
 */
static bool line_holds(const struct arm *arm, char *line, unsigned *bound, char why[ARM_WHY])
{
	char *who = strstr(line, "binding file "), *where = who ? strstr(who, " to ") : NULL;
	char *symbol = where ? strstr(where, "symbol `") : NULL;
	if (!symbol || (strncmp(symbol + 8, "malloc'", 7) != 0 && strncmp(symbol + 8, "free'", 5)))
		return true;
	who += strlen("binding file ");
	where += strlen(" to ");
	who[strcspn(who, " ")] = '\0';
	where[strcspn(where, " ")] = '\0';
	if (arm->library && same_file(who, arm->library))
		return true;
	if (!is_libc(where) && !elf_file_defines(where, symbol[8] == 'm' ? "malloc" : "free"))
		return true;
	if (arm->library ? !same_file(where, arm->library) : !is_libc(where))
		return refuse(why, "%s has its malloc or free from %s, not from %s", who, where,
		              arm->library ? arm->library : "the C library");
	++*bound;
	return true;
}

bool claims_bindings_hold(const struct arm *arm, const char *directory, char why[ARM_WHY])
{
	unsigned bound = 0;
	bool held = true;
	DIR *records = opendir(directory);
	for (struct dirent *entry; held && records && (entry = readdir(records));) {
		char path[PATH_MAX], line[4 * PATH_MAX];
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		FILE *file = *entry->d_name == '.' ? NULL : fopen(path, "r");
		while (held && file && fgets(line, sizeof(line), file))
			held = line_holds(arm, line, &bound, why);
		if (file)
			fclose(file);
	}
	if (records)
		closedir(records);
	if (held && !bound)
		return refuse(why, "'%s' binds no malloc: it cannot be proved whose it uses",
		              arm->command);
	return held;
}

void claims_remove_bindings(const char *directory)
{
	DIR *records = opendir(directory);
	for (struct dirent *entry; records && (entry = readdir(records));) {
		char path[PATH_MAX];
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (*entry->d_name != '.')
			unlink(path);
	}
	if (records)
		closedir(records);
	rmdir(directory);
}
