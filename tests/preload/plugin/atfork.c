/* SPDX-License-Identifier: MIT */
/*
 * A library whose constructor registers fork handlers, as many do; FORK_HANDLERS says what they do.
 * With FORK_HANDLERS_OLD it takes the way that programs from before glibc 2.3.2 take.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef void handler(void);

void plugin_work(unsigned round); /* what threads of the program do meanwhile */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void require(int ok)
{
	if (!ok)
		abort();
}

static void allocate(unsigned round)
{
	static const size_t sizes[] = {1, 24, 100, 1000, 5000, 30000, 100000, 700000, 3 << 20};
	for (unsigned i = 0; i < 51; i++) {
		size_t n = sizes[(i + round) % (i % 17 ? 6 : 9)] + i;
		unsigned char *p = i % 3 ? malloc(n) : calloc(1, n);
		require(p && (i % 3 || !(p[0] | p[n - 1])));
		memset(p, (int)i, n < 64 ? n : 64);
		if (i % 7 == 0)
			p = realloc(p, n * 2);
		require(p && p[0] == (unsigned char)i);
		free(p);
	}
	free(aligned_alloc(4096, 8192));
}

/* Blocks that one handler allocates and the next one frees. */
static void alloc(void)
{
	static __thread unsigned char *kept[64];
	static __thread unsigned round;
	allocate(round++);
	for (unsigned i = 0; i < 64; i++) {
		require(!kept[i] || kept[i][0] == i);
		free(kept[i]);
		kept[i] = malloc(1 + (size_t)i * i * 50);
		require(kept[i] != NULL);
		kept[i][0] = (unsigned char)i;
	}
}

static void lock(void)
{
	pthread_mutex_lock(&mutex);
	alloc();
}

static void unlock(void)
{
	alloc();
	pthread_mutex_unlock(&mutex);
}

static void *allocate_elsewhere(void *unused)
{
	allocate(3);
	return unused;
}

static void threads(void)
{
	pthread_t thread;
	require(!pthread_create(&thread, NULL, allocate_elsewhere, NULL));
	allocate(4);
	pthread_join(thread, NULL);
}

static void files(void)
{
	char line[100];
	FILE *file = fopen("/proc/self/statm", "r");
	require(file && fgets(line, sizeof(line), file));
	fclose(file);
	fflush(NULL);
}

static void fork_again(void)
{
	static __thread int depth;
	int status = -1;
	allocate(5);
	if (depth)
		return;
	depth++;
	pid_t pid = fork();
	allocate(6);
	if (pid == 0)
		_exit(0);
	require(waitpid(pid, &status, 0) == pid && !status);
	allocate(7);
	depth--;
}

void plugin_work(unsigned round)
{
	pthread_mutex_lock(&mutex);
	allocate(round);
	pthread_mutex_unlock(&mutex);
}

static int register_handlers(handler *prepare, handler *after)
{
	int (*old)(handler *, handler *, handler *);
	if (!getenv("FORK_HANDLERS_OLD"))
		return pthread_atfork(prepare, after, after);
	*(void **)&old = dlvsym(RTLD_DEFAULT, "pthread_atfork", "GLIBC_2.2.5");
	return !old || old(prepare, after, after);
}

__attribute__((constructor)) static void load(void)
{
	static const struct {
		const char *name;
		handler *prepare, *after;
	} kinds[] = {{"alloc", alloc, alloc},
	             {"mutex", lock, unlock},
	             {"threads", threads, threads},
	             {"files", files, files},
	             {"fork", fork_again, fork_again}};
	const char *wanted = getenv("FORK_HANDLERS");
	for (size_t i = 0; wanted && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(wanted, kinds[i].name))
			require(!register_handlers(kinds[i].prepare, kinds[i].after));
}
