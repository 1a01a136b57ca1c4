/* SPDX-License-Identifier: MIT */
/* The roles that do something to the whole process: fork, dlopen, a limit of address space. */
#include "torture.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api.h"

static pthread_rwlock_t calm = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

void calm_begin(void)
{
	pthread_rwlock_rdlock(&calm);
}

void calm_end(void)
{
	pthread_rwlock_unlock(&calm);
}

/* --- fork --- */

static void limit_address_space(rlim_t bytes)
{
	struct rlimit limit;
	if (!getrlimit(RLIMIT_AS, &limit)) {
		limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
		setrlimit(RLIMIT_AS, &limit);
	}
}

/*
 * Not while a library is closed: the C library's lock of what exit() is to call is held then, and a
 * child in which it is held for ever cannot end by exit().
 */
static pthread_mutex_t closing = PTHREAD_MUTEX_INITIALIZER;

static pid_t fork_while_none_closes(void)
{
	pthread_mutex_lock(&closing);
	pid_t pid = fork();
	pthread_mutex_unlock(&closing);
	return pid;
}

/* What the children have done, for the parent: the one memory that they share. */
static atomic_ullong *operations_of_children;

static void *in_child_thread(void *argument)
{
	struct torturer *t = argument;
	for (int i = 0; i < 3; i++)
		work(t);
	*operations_of_children += t->operations;
	return NULL;
}

static void fork_once(struct torturer *t, unsigned depth);

/* The only thread of a process that has everything of its parent's, and may do all with it. */
static void child(struct torturer *t, unsigned depth)
{
	static struct torturer other;
	pthread_t thread;
	uint64_t before = t->operations;
	alarm(HUNG_AFTER_S);
	limit_address_space(RLIM_INFINITY);
	squeezes += squeezes & 1;
	errors = 0;
	check_all("in a child");
	work(t);
	if (below(&t->random, 2))
		free_all(t);
	if (below(&t->random, 4) == 0)
		api_trim();
	other = (struct torturer){
	        .id = 90, .random = draw(&t->random), .table = &tables[TABLES - 1]};
	if (below(&t->random, 2) && !pthread_create(&thread, NULL, in_child_thread, &other)) {
		work(t);
		if (depth < 2)
			fork_once(t, depth + 1);
		pthread_join(thread, NULL);
	} else if (depth < 2) {
		fork_once(t, depth + 1);
	}
	check_all("at a child's end");
	free_all(t);
	*operations_of_children += t->operations - before;
	if (below(&t->random, 8) == 0 && !errors)
		exit(0); /* with all destructors */
	_exit(errors ? 1 : 0);
}

static void fork_once(struct torturer *t, unsigned depth)
{
	int status;
	t->doing = "forking";
	pid_t pid = fork_while_none_closes();
	if (pid == 0)
		child(t, depth);
	t->operations++;
	if (pid < 0) {
		if (!(squeezes & 1) && errno != ENOMEM && errno != EAGAIN)
			error("fork: errno %d", errno);
		return;
	}
	t->doing = "waiting for a child";
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			error("waitpid: errno %d", errno);
	if (WIFSIGNALED(status))
		error("a child (depth %u) died of signal %d", depth, WTERMSIG(status));
	else if (WEXITSTATUS(status))
		error("a child (depth %u) ended with %d", depth, WEXITSTATUS(status));
}

void forker(struct torturer *t)
{
	operations_of_children = mmap(NULL, sizeof(*operations_of_children), PROT_READ | PROT_WRITE,
	                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	while (!stop) {
		fork_once(t, 0);
		t->doing = "pausing";
		pause_us(below(&t->random, 200000));
	}
	t->operations += *operations_of_children;
}

/* --- dlopen --- */

static const char *plugin_path(void)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	if (n <= 0)
		return "";
	path[n] = 0;
	char *slash = strrchr(path, '/');
	strcpy(slash ? slash : path, "/plugin.so");
	return path;
}

void loader(struct torturer *t)
{
	const char *path = plugin_path();
	while (!stop) {
		t->doing = "in dlopen";
		calm_begin();
		void *library = dlopen(path, RTLD_NOW);
		int (*use)(unsigned) = NULL;
		if (library)
			use = (int (*)(unsigned))dlsym(library, "plugin_use");
		if (!use)
			error("%s", dlerror());
		else if (!use((unsigned)below(&t->random, 100)))
			error("the library's memory is not as it was");
		t->doing = "in dlclose";
		pthread_mutex_lock(&closing);
		if (library)
			dlclose(library);
		pthread_mutex_unlock(&closing);
		calm_end();
		t->operations++;
		t->doing = "pausing";
		pause_us(below(&t->random, 20000));
	}
}

/* --- address space runs short --- */

static size_t address_space(void)
{
	char text[100] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = 0;
	close(fd);
	return strtoul(text, NULL, 10) * 4096;
}

void squeezer(struct torturer *t)
{
	while (!stop) {
		t->doing = "waiting for calm";
		pthread_rwlock_wrlock(&calm);
		t->doing = "squeezing";
		size_t now = address_space();
		squeezes++;
		if (now)
			limit_address_space(now + below(&t->random, 16 << 20));
		pause_us(below(&t->random, 30000));
		limit_address_space(RLIM_INFINITY);
		squeezes++;
		pthread_rwlock_unlock(&calm);
		t->operations++;
		t->doing = "pausing";
		pause_us(20000 + below(&t->random, 200000));
	}
}
