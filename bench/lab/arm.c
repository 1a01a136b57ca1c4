/* SPDX-License-Identifier: MIT */
#include "bench/lab/arm.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wordexp.h>

#include "bench/workloads/bench.h"
#include "bench/lab/capture.h"
#include "bench/lab/claims.h"

enum { ARGUMENTS_MOST = 64 };

const char *arm_hakbench(void)
{
	static char path[PATH_MAX];
	if (!*path) {
		ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
		if (length <= 0)
			bench_fail("readlink /proc/self/exe");
		path[length] = '\0';
	}
	return path;
}

const char *arm_libhakmem(void)
{
	static const char *const places[] = {"libhakmem.so.1", "../lib/libhakmem.so.1"};
	static char path[PATH_MAX + 32];
	const char *self = arm_hakbench();
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%.*s/%s", (int)(strrchr(self, '/') - self), self,
		         places[i]);
		if (!access(path, R_OK))
			return path;
	}
	return NULL;
}

/* The scrubbed environment; `extra` are further settings, ended by NULL. */
struct environment {
	char preload[PATH_MAX + 16];
	const char *variable[2 * ARM_SETTINGS + 8];
};

static void environment_make(struct environment *environment, const struct arm *arm,
                             const char *const *extra)
{
	size_t count = 0;
	environment->variable[count++] = "PATH=/usr/local/bin:/usr/bin:/bin";
	environment->variable[count++] = "LC_ALL=C";
	environment->variable[count++] = "LD_BIND_NOW=1";
	if (arm->library) {
		snprintf(environment->preload, sizeof(environment->preload), "LD_PRELOAD=%s",
		         arm->library);
		environment->variable[count++] = environment->preload;
	}
	for (; extra && *extra; extra++)
		environment->variable[count++] = *extra;
	/* A setting that is there twice counts once: the extra one, which comes first. */
	for (size_t i = 0; arm->settings[i]; i++) {
		size_t length = strcspn(arm->settings[i], "=") + 1, j = 0;
		while (j < count &&
		       strncmp(environment->variable[j], arm->settings[i], length) != 0)
			j++;
		if (j == count)
			environment->variable[count++] = arm->settings[i];
	}
	environment->variable[count] = NULL;
}

static bool run(const struct arm *arm, const char *const *arguments, const char *const *extra,
                struct capture *capture, char why[ARM_WHY])
{
	struct environment environment;
	environment_make(&environment, arm, extra);
	if (!capture_run((char *const *)arguments, (char *const *)environment.variable, capture)) {
		snprintf(why, ARM_WHY, "%s does not start: %s", arguments[0], strerror(errno));
		return false;
	}
	if (capture_succeeded(capture))
		return true;
	int status = capture->status;
	snprintf(why, ARM_WHY, "%s ended with %s %d: %.300s", arguments[0],
	         WIFSIGNALED(status) ? "signal" : "status",
	         WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
	         *capture->errors ? capture->errors : "(it said nothing)");
	capture_free(capture);
	return false;
}

/* The library's table of options, which has the words that an option may be set to. */
static char *options_table(const struct arm *arm)
{
	static const char *const extra[] = {"HAKMEM_VERBOSE=options", NULL};
	const char *arguments[] = {arm_hakbench(), "prove", NULL};
	struct capture capture;
	char why[ARM_WHY];
	if (!run(arm, arguments, extra, &capture, why))
		return NULL;
	char *table = strdup(capture.errors);
	capture_free(&capture);
	return table;
}

static bool prove_hakbench(struct arm *arm, char why[ARM_WHY])
{
	const char *arguments[] = {arm_hakbench(), "prove", NULL};
	struct capture capture;
	if (!run(arm, arguments, NULL, &capture, why))
		return false;
	arm->proof = json_tokener_parse(capture.out);
	capture_free(&capture);
	if (!arm->proof) {
		snprintf(why, ARM_WHY, "hakbench prove did not answer");
		return false;
	}
	char *table = options_table(arm);
	bool held = claims_hold(arm, arm->proof, table, why);
	free(table);
	return held;
}

/* The words of a command, as a shell would split them, but no more than that. */
static bool split(const char *command, wordexp_t *words, char why[ARM_WHY])
{
	if (wordexp(command, words, WRDE_NOCMD) || !words->we_wordc) {
		snprintf(why, ARM_WHY, "'%s' is not a plain command (wrap it: sh -c '...')",
		         command);
		return false;
	}
	return true;
}

/*
 * The command's malloc, by the record that the dynamic linker makes of its bindings: of the process
 * itself and of its children, none may have been bound elsewhere.
 */
static bool prove_command(struct arm *arm, char why[ARM_WHY])
{
	char directory[] = "/tmp/hakbench.XXXXXX", output[sizeof(directory) + 32];
	const char *const extra[] = {"LD_DEBUG=bindings", output, NULL};
	struct capture capture;
	wordexp_t words;
	if (!split(arm->command, &words, why))
		return false;
	if (!mkdtemp(directory))
		bench_fail("mkdtemp");
	snprintf(output, sizeof(output), "LD_DEBUG_OUTPUT=%s/b", directory);
	bool held = run(arm, (const char *const *)words.we_wordv, extra, &capture, why);
	if (held)
		capture_free(&capture);
	if (held && arm->library)
		held = claims_bindings_hold(arm, directory, why);
	claims_remove_bindings(directory);
	wordfree(&words);
	return held;
}

bool arm_prove(struct arm *arm, char why[ARM_WHY])
{
	json_object_put(arm->proof);
	arm->proof = NULL;
	/* Before a command, too: only hakbench can ask the library what is in force. */
	if (!prove_hakbench(arm, why))
		return false;
	return !arm->command || prove_command(arm, why);
}

static double number_of(json_object *object, const char *key)
{
	return json_object_get_double(json_object_object_get(object, key));
}

/* RSS to live bytes in the last of the phases; 0 when there are none. */
static double rss_to_live(json_object *phases)
{
	size_t count = phases ? json_object_array_length(phases) : 0;
	if (!count)
		return 0;
	json_object *last = json_object_array_get_idx(phases, count - 1);
	double live = number_of(last, "live_bytes");
	return live > 0 ? number_of(last, "rss_bytes") / live : 0;
}

/* False when this is not hakbench's own result. */
static bool read_result(const struct arm *arm, json_object *result, struct sample *sample,
                        char why[ARM_WHY])
{
	*sample = (struct sample){
	        .cpu_ns = number_of(result, "cpu_ns_per_op"),
	        .wall_ns = number_of(result, "ns_per_op"),
	        .ops_per_second = number_of(result, "ops_per_second"),
	        .peak_rss_bytes = number_of(result, "peak_rss_bytes"),
	        .rss_to_live = rss_to_live(json_object_object_get(result, "phases")),
	};
	if (!(sample->cpu_ns > 0) || !(sample->wall_ns > 0)) {
		snprintf(why, ARM_WHY, "no time per operation was measured");
		return false;
	}
	return claims_hold(arm, json_object_object_get(result, "proof"), NULL, why);
}

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* The command's own figures if it printed any, else what the kernel counted for it and its
 * children. */
static bool read_command(const struct arm *arm, const struct capture *capture,
                         struct sample *sample, char why[ARM_WHY])
{
	const struct rusage *usage = &capture->usage;
	json_object *result = *capture->out == '{' ? json_tokener_parse(capture->out) : NULL;
	bool done = true;
	if (result && json_object_object_get(result, "cpu_ns_per_op"))
		done = read_result(arm, result, sample, why);
	else if (result && json_object_object_get(result, "cpu_ns"))
		*sample = (struct sample){
		        .cpu_ns = number_of(result, "cpu_ns"),
		        .wall_ns = number_of(result, "wall_ns"),
		        .peak_rss_bytes = number_of(result, "peak_rss_bytes"),
		};
	else
		*sample = (struct sample){
		        .cpu_ns = 1e9 * (seconds_of(usage->ru_utime) + seconds_of(usage->ru_stime)),
		        .wall_ns = capture->wall_ns,
		        .peak_rss_bytes = (double)usage->ru_maxrss * 1024,
		};
	json_object_put(result);
	if (done && !(sample->cpu_ns > 0)) {
		snprintf(why, ARM_WHY, "'%.200s' took no measurable time", arm->command);
		return false;
	}
	return done;
}

static bool measure_command(const struct arm *arm, struct sample *sample, char why[ARM_WHY])
{
	struct capture capture;
	wordexp_t words;
	bool done = false;
	if (!split(arm->command, &words, why))
		return false;
	if (run(arm, (const char *const *)words.we_wordv, NULL, &capture, why)) {
		done = read_command(arm, &capture, sample, why);
		capture_free(&capture);
	}
	wordfree(&words);
	return done;
}

bool arm_measure(const struct arm *arm, const char *const *arguments, struct sample *sample,
                 char why[ARM_WHY])
{
	const char *all[ARGUMENTS_MOST] = {arm_hakbench()};
	struct capture capture;
	size_t count = 1;
	if (arm->command)
		return measure_command(arm, sample, why);
	while (*arguments && count < ARGUMENTS_MOST - 2)
		all[count++] = *arguments++;
	all[count] = "--json";
	if (!run(arm, all, NULL, &capture, why))
		return false;
	json_object *result = json_tokener_parse(capture.out);
	bool done = result && read_result(arm, result, sample, why);
	if (!result)
		snprintf(why, ARM_WHY, "hakbench printed no result");
	json_object_put(result);
	capture_free(&capture);
	return done;
}

json_object *arm_json(const struct arm *arm)
{
	json_object *object = json_object_new_object(), *settings = json_object_new_array();
	json_object_object_add(object, "name", json_object_new_string(arm->name));
	for (size_t i = 0; arm->settings[i]; i++)
		json_object_array_add(settings, json_object_new_string(arm->settings[i]));
	json_object_object_add(object, "settings", settings);
	json_object_object_add(object, "library",
	                       arm->library ? json_object_new_string(arm->library) : NULL);
	json_object_object_add(object, "command",
	                       arm->command ? json_object_new_string(arm->command) : NULL);
	json_object_object_add(object, "proof", json_object_get(arm->proof));
	return object;
}
