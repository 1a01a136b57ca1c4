/* SPDX-License-Identifier: MIT */
#include "tools/base/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#include "tools/base/clock.h"
#include "tools/base/privileges.h"

#define MS 1000000ull

enum {
	LOOK_MS = 50,
	OTHERS_MS = 800, /* at something of others' */
	WAITS_MS = 700,  /* at something of our own, without getting on */
	LONGEST_MS = 20000,
	PATIENCE_MS = 500,
	LEAST_MS = 50,
};

static struct {
	pthread_t thread;
	int fd;
	pid_t tid; /* of the one that is watched */
	atomic_int signal;
	_Atomic uint64_t asked_ns; /* 0: not yet */
	_Atomic uint64_t since_ns; /* that it is at it */
	atomic_bool own, rest;
	bool has_terminal;
	struct termios terminal;
} state = {.fd = -1};

static void begin_anew(bool own)
{
	atomic_store(&state.own, own);
	atomic_store(&state.since_ns, clock__mono_ns());
}

void interrupt__at_others(void)
{
	begin_anew(false);
}

void interrupt__at_own(void)
{
	begin_anew(true);
}

void interrupt__at_rest(void)
{
	atomic_store(&state.rest, true);
}

bool interrupt__asked(void)
{
	return atomic_load_explicit(&state.asked_ns, memory_order_relaxed) != 0;
}

int interrupt__fd(void)
{
	return state.fd;
}

int interrupt__signal(void)
{
	return atomic_load(&state.signal);
}

uint64_t interrupt__patience_ns(void)
{
	uint64_t asked = atomic_load(&state.asked_ns), gone;

	if (!asked)
		return UINT64_MAX;
	gone = clock__mono_ns() - asked;
	return gone + LEAST_MS * MS < PATIENCE_MS * MS ? PATIENCE_MS * MS - gone : LEAST_MS * MS;
}

/* --- the thread ------------------------------------------------------------------------------ */

/* What the other thread does: 'R' it runs, or waits for a processor; '?' not known. `*ticks`: what it
 * has had of the processor. */
static char look(unsigned long *ticks)
{
	char path[48], text[512], run = '?', *fields;
	unsigned long user = 0, system = 0;
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)state.tid);
	file = fopen(path, "re");
	if (!file)
		return '?';
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	fields = strrchr(text, ')');
	if (!fields || sscanf(fields + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
	                      &run, &user, &system) != 3)
		return '?';
	*ticks = user + system;
	return run;
}

/* It may be that nobody reads what we say. */
static void give_up(const char *why)
{
	struct pollfd err = {.fd = STDERR_FILENO, .events = POLLOUT};
	static const char leave[] = "\033[?1049l\033[?25h"; /* the full-screen view */
	char line[256];
	int length;

	if (state.has_terminal && !tcsetattr(STDIN_FILENO, TCSANOW, &state.terminal) &&
	    isatty(STDOUT_FILENO) && write(STDOUT_FILENO, leave, sizeof(leave) - 1) < 0)
		_exit(1);
	length = snprintf(line, sizeof(line),
	                  "hakprobe: %s: gave up; what was not written is lost\n", why);
	if (poll(&err, 1, 0) > 0 && write(STDERR_FILENO, line, (size_t)length) < 0)
		_exit(1);
	_exit(1);
}

/* What was seen of it. */
struct sight {
	unsigned long ticks;
	uint64_t looked_ns;
	uint64_t moved_ns; /* when it last got on */
	uint64_t since_ns; /* what it is at now began then, */
	uint64_t spent_ns; /* and took so much: where others have the processor it takes nothing */
};

static void see(struct sight *sight)
{
	const uint64_t now = clock__mono_ns(), since = atomic_load(&state.since_ns);
	unsigned long ticks = sight->ticks;
	const char run = look(&ticks);
	const uint64_t had = (ticks - sight->ticks) * (1000 * MS / (uint64_t)sysconf(_SC_CLK_TCK));

	if (since != sight->since_ns) {
		sight->spent_ns = 0;
		sight->since_ns = sight->moved_ns = since;
	}
	sight->spent_ns += run == 'R' ? had : now - sight->looked_ns;
	if (run != 'S' || had)
		sight->moved_ns = now;
	sight->looked_ns = now;
	sight->ticks = ticks;
}

static void supervise(struct sight *sight)
{
	see(sight);
	if (!atomic_load(&state.own) && sight->spent_ns > OTHERS_MS * MS)
		give_up("what it reads of a process does not come to an end");
	if (sight->looked_ns - sight->moved_ns > WAITS_MS * MS)
		give_up("it waits for what does not come");
	if (sight->looked_ns - atomic_load(&state.asked_ns) > LONGEST_MS * MS)
		give_up("it takes too long");
}

static void note_signal(const siginfo_t *info)
{
	const uint64_t one = 1, now = clock__mono_ns();

	atomic_store(&state.signal, info->si_code == SI_USER ? info->si_signo : 0);
	atomic_store(&state.since_ns, now);
	atomic_store(&state.asked_ns, now);
	while (write(state.fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void *run(void *set)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * MS};
	struct sight sight = {0};
	siginfo_t info;

	(void)privileges__keep(0);
	while (sigwaitinfo(set, &info) < 0)
		;
	note_signal(&info);
	(void)look(&sight.ticks);
	sight.looked_ns = sight.moved_ns = clock__mono_ns();
	for (;;) {
		if (sigtimedwait(set, &info, &pause) > 0)
			give_up("a second signal");
		if (!atomic_load(&state.rest))
			supervise(&sight);
	}
	return NULL;
}

int interrupt__begin(void)
{
	static sigset_t set;
	sigset_t all, before;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigfillset(&all);
	if (state.fd >= 0)
		return 0;
	state.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (state.fd < 0)
		return -errno;
	state.tid = gettid();
	state.has_terminal = isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &state.terminal);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&state.thread, NULL, run, &set);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return -err;
}
