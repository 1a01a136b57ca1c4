/* SPDX-License-Identifier: MIT */
/*
 * torture [--seed N] [--only ROLE,...] [--without ROLE,...] [--require NAME] SECONDS
 *
 * One line on stdout: operations, errors, memory. Exit status 0 when there were no errors, 1 when
 * there were, 3 when it hung. A seed decides what each thread draws; what comes of it is the
 * scheduler's as well. Roles and the ways in which short threads end can be left out by name.
 */
#include "torture.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api.h"

atomic_bool stop;
atomic_uint errors, squeezes;

static uint64_t seed;

static struct role {
	const char *name;
	void (*run)(struct torturer *t);
	unsigned threads;
	bool holds; /* blocks, for long */
} roles[] = {
        {"worker", worker, 3, true},      {"pool", pool, 4, true},
        {"producer", producer, 1, true},  {"consumer", consumer, 2, true},
        {"lives", lives, 1, false},       {"trimmer", trimmer, 1, false},
        {"reader", reader, 1, false},
#ifndef TORTURE_DIRECT
        {"forker", forker, 1, true},      {"loader", loader, 1, false},
        {"squeezer", squeezer, 1, false},
#endif
};

enum { ROLES = sizeof(roles) / sizeof(*roles), THREADS = 24 };

static struct torturer torturers[THREADS];
static pthread_t threads[THREADS];
static void (*runs[THREADS])(struct torturer *t);
static unsigned started;

void error(const char *format, ...)
{
	char text[400];
	int n = snprintf(text, sizeof(text),
	                 "torture (seed %llu, pid %d): ", (unsigned long long)seed, (int)getpid());
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text + n, sizeof(text) - (size_t)n - 1, format, arguments);
	va_end(arguments);
	strcat(text, "\n");
	if (write(STDERR_FILENO, text, strlen(text)) < 0 || ++errors >= ERRORS_MAX)
		_exit(1);
}

void pause_us(uint64_t us)
{
	struct timespec time = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
	nanosleep(&time, NULL);
}

static void say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		_exit(3);
}

/* In a signal handler: nothing but write(2). */
static void hung(int signal)
{
	(void)signal;
	say("torture: hung\n");
	for (unsigned i = 0; i < started; i++) {
		const char *doing = torturers[i].doing;
		say(torturers[i].role);
		say(": ");
		say(doing ? doing : "?");
		say("\n");
	}
	_exit(3);
}

static struct role *role_named(const char *name)
{
	for (struct role *role = roles; role < roles + ROLES; role++)
		if (!strcmp(role->name, name))
			return role;
	return NULL;
}

static _Noreturn void usage(const char *why)
{
	fprintf(stderr,
	        "torture: %s\nusage: torture [--seed N] [--only ROLE,...] [--without ROLE,...] "
	        "[--require NAME] SECONDS\n",
	        why);
	exit(2);
}

static void leave_out(char *list)
{
	char *rest;
	for (char *name = strtok_r(list, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		struct role *role = role_named(name);
		if (role)
			role->threads = 0;
		else if (!lives_without(name))
			usage("no such role");
	}
}

static void leave_out_others(char *list)
{
	bool keep[ROLES] = {false};
	char *rest;
	for (char *name = strtok_r(list, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		struct role *role = role_named(name);
		if (!role)
			usage("no such role");
		keep[role - roles] = true;
	}
	for (unsigned i = 0; i < ROLES; i++)
		if (!keep[i])
			roles[i].threads = 0;
}

/* A torture of another allocator than the one that is meant proves nothing. */
static void require(const char *name)
{
	Dl_info info;
	if (!dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info) || !strstr(info.dli_fname, name)) {
		fprintf(stderr, "torture: malloc is not of %s\n", name);
		exit(2);
	}
}

static unsigned parse(int argc, char **argv)
{
	int i = 1;
	for (; i + 1 < argc && !strncmp(argv[i], "--", 2); i += 2) {
		if (!strcmp(argv[i], "--seed"))
			seed = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--only"))
			leave_out_others(argv[i + 1]);
		else if (!strcmp(argv[i], "--without"))
			leave_out(argv[i + 1]);
		else if (!strcmp(argv[i], "--require"))
			require(argv[i + 1]);
		else
			usage("no such option");
	}
	if (i + 1 != argc || atoi(argv[i]) <= 0)
		usage("for how long?");
	return (unsigned)atoi(argv[i]);
}

#ifndef TORTURE_DIRECT
FILE *nowhere;

/* What malloc_stats prints is of no interest; what is written to file descriptor 2 is. */
static void hush(void)
{
	nowhere = fopen("/dev/null", "w");
	FILE *other = fopen("/dev/null", "w");
	if (!nowhere || !other)
		exit(2);
	stderr = other;
}
#else
static void hush(void)
{
}
#endif

static void *begin(void *argument)
{
	struct torturer *t = argument;
	runs[t - torturers](t);
	return NULL;
}

static void start_all(void)
{
	uint64_t random = seed;
	unsigned table = 0;
	for (struct role *role = roles; role < roles + ROLES; role++) {
		for (unsigned i = 0; i < role->threads; i++, started++) {
			struct torturer *t = &torturers[started];
			t->id = started;
			t->random = draw(&random);
			t->role = role->name;
			t->table = role->holds ? &tables[table++] : NULL;
			runs[started] = role->run;
			if (pthread_create(&threads[started], NULL, begin, t))
				exit(2);
		}
	}
}

/* A number of /proc/self/status, in MiB. */
static double status_mib(const char *name)
{
	static char text[8192];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	const char *at = strstr(text, name);
	return at ? strtod(at + strlen(name), NULL) / 1024 : 0;
}

int main(int argc, char **argv)
{
	seed = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
	unsigned seconds = parse(argc, argv);
	struct torturer last = {.id = 99};
	hush();
	signal(SIGALRM, hung);
	alarm(seconds + HUNG_AFTER_S);
	api_free(api_malloc(1)); /* as in every process: there is one thread when it begins */
	lives_prepare();
	start_all();
	pause_us((uint64_t)seconds * 1000000);
	stop = true;
	uint64_t operations = 0;
	for (unsigned i = 0; i < started; i++) {
		pthread_join(threads[i], NULL);
		operations += torturers[i].operations;
	}
	lives_wait();
	check_all("at the end");
	free_all(&last);
	api_trim();
	printf("torture: %llu operations, %u errors, RSS %.0f MiB at most, %.0f MiB after all is freed\n",
	       (unsigned long long)operations, errors, status_mib("VmHWM:"), status_mib("VmRSS:"));
	return errors ? 1 : 0;
}
