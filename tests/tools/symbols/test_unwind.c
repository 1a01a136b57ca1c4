/* SPDX-License-Identifier: MIT */
/* Unwinds real processes (tests/probe/stack_target.c), which show their own stacks on request. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness.h"
#include "tools/symbols/unwind.h"

struct target {
	pid_t pid;
	FILE *in, *out;
	struct unwinder *unwinder;
	struct hak_stack stack;
	char names[32 * 1024]; /* of the last unwind, innermost first, with ';' behind each */
	size_t frames;
	bool complete;
};

/* The program that `make` has built next to this one; "" when it is not there. */
static const char *built_target(void)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);
	if (n <= 0)
		return "";
	path[n] = '\0';
	strcat(dirname(path), "/probe/stack_target");
	return access(path, X_OK) == 0 ? path : "";
}

static char scratch[] = "/tmp/hakmem-unwind-XXXXXX";

static void remove_scratch(void)
{
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", scratch);
	if (system(command) != 0)
		perror(scratch);
}

/* Compiles into a scratch directory; NULL when that cannot
 * be done here (no compiler, no source). */
static const char *compile(const char *source, const char *flags, const char *name)
{
	static char path[128];
	static bool ready;
	if (!ready) {
		if (!mkdtemp(scratch))
			return NULL;
		atexit(remove_scratch);
		ready = true;
	}
	char command[1024];
	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	snprintf(command, sizeof(command),
	         "${CC:-cc} -w -O2 -D_GNU_SOURCE -I. %s -o %s %s 2>/dev/null", flags, path, source);
	return system(command) == 0 ? path : NULL;
}

static bool start(struct target *t, const char *program)
{
	int to[2], from[2];
	memset(t, 0, sizeof(*t));
	/* A whole answer must fit while nobody reads. */
	if (pipe(to) || pipe(from) || fcntl(from[0], F_SETPIPE_SZ, 4 * sizeof(t->stack)) < 0)
		return false;
	t->pid = fork();
	if (t->pid == 0) {
		dup2(to[0], STDIN_FILENO);
		dup2(from[1], STDOUT_FILENO);
		for (int fd = 3; fd < 64; fd++)
			close(fd);
		execl(program, program, (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	t->in = fdopen(to[1], "w");
	t->out = fdopen(from[0], "r");
	return t->pid > 0;
}

static void say(struct target *t, const char *command)
{
	fprintf(t->in, "%s\n", command);
	fflush(t->in);
}

static bool ask(struct target *t, const char *command)
{
	say(t, command);
	return fread(&t->stack, sizeof(t->stack), 1, t->out) == 1;
}

static void stop(struct target *t)
{
	unwinder__free(t->unwinder);
	fclose(t->in);
	fclose(t->out);
	waitpid(t->pid, NULL, 0);
}

static void unwind(struct target *t)
{
	uint64_t ips[UNWIND_FRAMES_MAX];
	if (!t->unwinder)
		t->unwinder = unwinder__new(t->pid);
	t->names[0] = '\0';
	t->frames = 0;
	if (!t->unwinder)
		return;
	t->frames = unwinder__unwind(t->unwinder, t->pid, &t->stack, ips, &t->complete);
	size_t used = 0;
	for (size_t i = 0; i < t->frames && used < sizeof(t->names); i++)
		used += (size_t)snprintf(t->names + used, sizeof(t->names) - used, "%s;",
		                         unwinder__symbol(t->unwinder, ips[i], i > 0));
}

static bool begins(const struct target *t, const char *names)
{
	bool yes = !strncmp(t->names, names, strlen(names));
	if (!yes)
		printf("      frames: %s\n", t->names);
	return yes;
}

static bool ends(const struct target *t, const char *names)
{
	size_t all = strlen(t->names), wanted = strlen(names);
	bool yes = all >= wanted && !strcmp(t->names + all - wanted, names);
	if (!yes)
		printf("      frames: %s\n", t->names);
	return yes;
}

#define CHECK_STRING(string, wanted) CHECK(!strcmp(string, wanted))

#define CHAIN "capture;chain_three;chain_two;chain_one;run;main;"

#define START_OR_SKIP(t)                                                   \
	do {                                                               \
		if (!*built_target())                                      \
			SKIP("out/tests/probe/stack_target is not built"); \
		REQUIRE(start(t, built_target()));                         \
	} while (0)

static struct target target; /* large */

TEST(unwind_follows_a_chain_to_the_start)
{
	START_OR_SKIP(&target);
	REQUIRE(ask(&target, "chain"));
	unwind(&target);
	CHECK(begins(&target, CHAIN));
	CHECK(ends(&target, "_start;"));
	CHECK(target.complete);
	stop(&target);
}

TEST(unwind_of_a_short_slice_is_not_complete)
{
	START_OR_SKIP(&target);
	REQUIRE(ask(&target, "chain"));
	uint32_t whole = target.stack.bytes;
	unwind(&target);
	size_t frames = target.frames;
	/* Each cut must give a prefix of the frames, and say so
	 * unless the prefix is all of them. */
	char all[sizeof(target.names)];
	memcpy(all, target.names, sizeof(all));
	size_t shorter = 0;
	for (uint32_t bytes = 0; bytes <= whole && bytes <= 4096; bytes += 8) {
		target.stack.bytes = bytes;
		unwind(&target);
		CHECK(target.frames >= 1 && !strncmp(all, target.names, strlen(target.names)));
		CHECK(target.complete == (target.frames == frames));
		shorter += target.frames < frames;
	}
	CHECK(shorter > 20);
	target.stack.bytes = 0;
	unwind(&target);
	CHECK(target.frames == 1);
	stop(&target);
}

TEST(unwind_ends_where_a_thread_starts)
{
	START_OR_SKIP(&target);
	REQUIRE(ask(&target, "thread"));
	unwind(&target);
	CHECK(begins(&target, "capture;chain_three;chain_two;chain_one;thread_main;"));
	CHECK(strstr(target.names, "main;_") == NULL); /* not the main thread's frames */
	CHECK(target.frames >= 6 && target.frames <= 8);
	CHECK(target.complete);
	stop(&target);
}

TEST(unwind_passes_through_libc)
{
	START_OR_SKIP(&target);
	REQUIRE(ask(&target, "sort"));
	unwind(&target);
	CHECK(begins(&target, "capture;compare;"));
	CHECK(strstr(target.names, "qsort") || strstr(target.names, "libc.so.6+0x"));
	CHECK(strstr(target.names, ";run;main;") != NULL);
	CHECK(ends(&target, "_start;"));
	CHECK(target.complete);
	stop(&target);
}

TEST(unwind_passes_a_signal_frame)
{
	START_OR_SKIP(&target);
	REQUIRE(ask(&target, "signal"));
	unwind(&target);
	CHECK(begins(&target, "capture;on_signal;skip_ud2;"));
	/* The interrupted address is its function's first: "one
	 * before" would be another function. */
	CHECK(strstr(target.names, ";interrupted;run;main;") != NULL);
	CHECK(target.complete);
	stop(&target);
}

TEST(unwind_at_a_functions_first_instruction)
{
	START_OR_SKIP(&target);
	REQUIRE(ask(&target, "entry"));
	unwind(&target);
	CHECK(begins(&target, "chain_one;run"));
	stop(&target);
}

TEST(unwind_stops_at_the_frame_limit)
{
	START_OR_SKIP(&target);
	REQUIRE(ask(&target, "deep 240"));
	unwind(&target);
	CHECK(target.frames > 245);
	CHECK(target.complete);
	REQUIRE(ask(&target, "deep 400"));
	unwind(&target);
	CHECK(target.frames == UNWIND_FRAMES_MAX);
	CHECK(!target.complete);
	stop(&target);
}

/* Registers and stack of a stopped process. */
static bool copy_state(pid_t pid, struct hak_stack *stack)
{
	struct user_regs_struct r;
	if (ptrace(PTRACE_GETREGS, pid, NULL, &r) != 0)
		return false;
	const hak_u64 registers[HAK_STACK_REGS] = {r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi,
	                                           r.rbp, r.rsp, r.r8,  r.r9,  r.r10, r.r11,
	                                           r.r12, r.r13, r.r14, r.r15, r.rip};
	memcpy(stack->regs, registers, sizeof(registers));
	struct iovec here = {stack->slice, sizeof(stack->slice)};
	struct iovec there = {(void *)r.rsp, sizeof(stack->slice)};
	ssize_t n = process_vm_readv(pid, &here, 1, &there, 1, 0);
	stack->bytes = n > 0 ? (hak_u32)n : 0;
	return true;
}

/* Whether the next instruction is the system call read. */
static bool about_to_read(pid_t pid, const struct hak_stack *stack)
{
	long code = ptrace(PTRACE_PEEKTEXT, pid, stack->regs[16], NULL);
	return (code & 0xffff) == 0x050f && stack->regs[0] == 0;
}

/* Prologues, epilogues, linkage stubs, libc: wherever a sample falls, the stack must be whole. */
TEST(unwind_at_every_instruction)
{
	START_OR_SKIP(&target);
	REQUIRE(ask(&target, "chain"));
	if (ptrace(PTRACE_SEIZE, target.pid, NULL, NULL) != 0) {
		stop(&target);
		SKIP("not permitted to trace a child");
	}
	ptrace(PTRACE_INTERRUPT, target.pid, NULL, NULL);
	REQUIRE(waitpid(target.pid, NULL, 0) == target.pid);
	say(&target, "chain");
	unsigned steps = 0, broken = 0, inside = 0;
	for (; steps < 4000; steps++) {
		REQUIRE(ptrace(PTRACE_SINGLESTEP, target.pid, NULL, NULL) == 0);
		REQUIRE(waitpid(target.pid, NULL, 0) == target.pid);
		REQUIRE(copy_state(target.pid, &target.stack));
		unwind(&target);
		inside += strstr(target.names, "chain_two;chain_one;run;main;") != NULL;
		if (!target.complete || !ends(&target, "_start;"))
			broken++;
		if (inside > 50 && about_to_read(target.pid, &target.stack))
			break; /* for the next line, which does not come */
	}
	ptrace(PTRACE_DETACH, target.pid, NULL, NULL);
	CHECK(inside > 50);
	CHECK(broken == 0);
	stop(&target);
}

TEST(unwind_without_call_frame_information)
{
	START_OR_SKIP(&target);
	REQUIRE(ask(&target, "asm"));
	unwind(&target);
	CHECK(begins(&target, "capture;back;plain_asm;run;main;")); /* by the frame pointer */
	CHECK(target.complete);
	REQUIRE(ask(&target, "lost"));
	unwind(&target);
	CHECK(begins(&target, "capture;back;lost_asm;"));
	CHECK(target.frames == 3);
	CHECK(!target.complete);
	stop(&target);
}

TEST(symbols_are_demangled)
{
	START_OR_SKIP(&target);
	REQUIRE(ask(&target, "cxx"));
	unwind(&target);
	CHECK(begins(&target, "capture;hak::cookie(char const*, unsigned long);run;main;"));
	stop(&target);
}

TEST(symbols_are_cached)
{
	START_OR_SKIP(&target);
	REQUIRE(ask(&target, "chain"));
	unwind(&target);
	uint64_t ips[UNWIND_FRAMES_MAX];
	bool complete;
	REQUIRE(unwinder__unwind(target.unwinder, 1, &target.stack, ips, &complete) > 3);
	const char *name = unwinder__symbol(target.unwinder, ips[1], true);
	CHECK(name == unwinder__symbol(target.unwinder, ips[1], true));
	CHECK_STRING(name, "chain_three");
	CHECK_STRING(unwinder__module(target.unwinder, ips[1]), "stack_target");
	CHECK_STRING(unwinder__symbol(target.unwinder, 16, false), "[unknown]");
	CHECK_STRING(unwinder__module(target.unwinder, 16), "[anon]");
	stop(&target);
	/* More addresses than the cache holds at first, in every module's range and around it. */
	REQUIRE(start(&target, built_target()));
	REQUIRE(ask(&target, "chain"));
	unwind(&target);
	for (uint64_t i = 0; i < 20000; i++)
		REQUIRE(unwinder__symbol(target.unwinder, ips[0] - 10000 + i, i & 1) != NULL);
	stop(&target);
}

static const char plugin_source[] =
        "void plugin_call(void (*call)(void)) { call(); __asm__ volatile(\"\" ::: \"memory\"); }";

/* Compiles the object that `open` loads, with `name`. */
static const char *plugin(const char *name)
{
	char source[64] = "/tmp/hakmem-plugin-XXXXXX.c";
	int fd = mkstemps(source, 2);
	if (fd < 0 || write(fd, plugin_source, sizeof(plugin_source) - 1) < 0)
		return NULL;
	close(fd);
	const char *path = compile(source, "-shared -fPIC", name);
	unlink(source);
	return path;
}

TEST(unwind_finds_objects_opened_later)
{
	const char *path = plugin("plugin.so");
	if (!path)
		SKIP("no C compiler, or not started in the source tree");
	START_OR_SKIP(&target);
	REQUIRE(ask(&target, "chain"));
	unwind(&target); /* knows the modules from here on */
	CHECK(begins(&target, CHAIN));
	char command[256];
	snprintf(command, sizeof(command), "open %s", path);
	say(&target, command);
	REQUIRE(ask(&target, "plugin"));
	unlink(path); /* deleted, but still mapped */
	unwind(&target);
	CHECK(begins(&target, "capture;back;plugin_call;run;main;"));
	CHECK(target.complete);
	/* Closed again: its frames are not code any more, and no stale name is shown. */
	struct hak_stack old = target.stack;
	say(&target, "close");
	REQUIRE(ask(&target, "chain"));
	target.stack = old;
	usleep(2200 * 1000); /* until the next look that nothing asks for */
	unwind(&target);
	CHECK(begins(&target, "capture;back;"));
	CHECK(target.frames == 2);
	CHECK(!target.complete);
	stop(&target);
}

TEST(unwind_other_kinds_of_executable)
{
	static const struct {
		const char *flags;
		bool stripped;
	} kinds[] = {
	        {"-no-pie -fno-pie", false}, {"-static -no-pie", false},
	        {"-static-pie", false},      {"-pie -fPIE", false},
	        {"-pie -fPIE -s", true},     {"-no-pie -s -static", true},
	};
	unsigned done = 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		char flags[128], name[16];
		snprintf(flags, sizeof(flags), "%s -pthread", kinds[i].flags);
		snprintf(name, sizeof(name), "kind%zu", i);
		const char *program = compile("tests/probe/stack_target.c", flags, name);
		if (!program)
			continue;
		REQUIRE(start(&target, program));
		REQUIRE(ask(&target, "chain"));
		unwind(&target);
		CHECK(target.complete);
		CHECK(target.frames >= 8);
		if (!kinds[i].stripped) {
			CHECK(begins(&target, CHAIN));
			CHECK(ends(&target, "_start;"));
		}
		REQUIRE(ask(&target, "thread"));
		unwind(&target);
		CHECK(target.complete);
		stop(&target);
		done++;
	}
	if (done == 0)
		SKIP("no C compiler, or not started in the source tree");
}

/* No tables are loaded with the program; they are in .debug_frame alone. */
TEST(unwind_by_debug_frame)
{
	const char *program = compile("tests/probe/stack_target.c",
	                              "-g -fomit-frame-pointer -fno-asynchronous-unwind-tables "
	                              "-fno-unwind-tables -pthread",
	                              "debug_frame");
	if (!program)
		SKIP("no C compiler, or not started in the source tree");
	REQUIRE(start(&target, program));
	REQUIRE(ask(&target, "chain"));
	unwind(&target);
	CHECK(begins(&target, CHAIN));
	CHECK(ends(&target, "_start;"));
	CHECK(target.complete);
	unwinder__set_mode(target.unwinder, UNWIND_DWARF);
	unwind(&target);
	CHECK(target.complete);
	stop(&target);
}

TEST(unwind_by_tables_alone)
{
	START_OR_SKIP(&target);
	REQUIRE(ask(&target, "asm"));
	unwind(&target);
	CHECK(target.complete);
	unwinder__set_mode(target.unwinder, UNWIND_DWARF);
	unwind(&target);
	CHECK(begins(&target, "capture;back;plain_asm;"));
	CHECK(target.frames == 3);
	CHECK(!target.complete);
	stop(&target);
}

TEST(unwind_tells_how_much_stack_it_wants)
{
	START_OR_SKIP(&target);
	REQUIRE(ask(&target, "chain"));
	target.stack.bytes = 64;
	unwind(&target);
	CHECK(!target.complete);
	uint32_t wanted = unwinder__wanted(target.unwinder);
	CHECK(wanted > 64 && wanted < 2048);
	target.stack.bytes = wanted;
	size_t frames = target.frames;
	unwind(&target);
	CHECK(target.frames > frames);
	target.stack.bytes = HAK_STACK_SLICE;
	unwind(&target);
	CHECK(target.complete && unwinder__wanted(target.unwinder) == 0);
	stop(&target);
}

TEST(unnamed_functions_keep_their_samples_together)
{
	const char *program =
	        compile("tests/probe/stack_target.c", "-pie -fPIE -s -pthread", "bare");
	if (!program)
		SKIP("no C compiler, or not started in the source tree");
	REQUIRE(start(&target, program));
	REQUIRE(ask(&target, "chain"));
	unwind(&target);
	uint64_t ips[UNWIND_FRAMES_MAX];
	bool complete;
	REQUIRE(unwinder__unwind(target.unwinder, 1, &target.stack, ips, &complete) > 6);
	/* chain_one has two dozen bytes: its return address and the bytes before it are one
	 * function. */
	const char *name = unwinder__symbol(target.unwinder, ips[3], true);
	CHECK(!strncmp(name, "bare+0x", 7));
	CHECK(name == unwinder__symbol(target.unwinder, ips[3] - 5, false));
	CHECK(name == unwinder__symbol(target.unwinder, ips[3] - 1, false));
	/* Functions are told apart, and none is called after a neighbour that has a name. */
	CHECK(name != unwinder__symbol(target.unwinder, ips[2], true));
	CHECK(name != unwinder__symbol(target.unwinder, ips[4], true));
	CHECK(strstr(target.names, "main") == NULL || strstr(target.names, "libc") != NULL);
	stop(&target);
}

TEST(unwind_after_exec)
{
	START_OR_SKIP(&target);
	REQUIRE(ask(&target, "chain"));
	unwind(&target);
	CHECK(begins(&target, CHAIN));
	say(&target, "exec");
	REQUIRE(ask(&target, "sort"));
	unwind(&target); /* other addresses now */
	CHECK(begins(&target, "capture;compare;"));
	CHECK(ends(&target, "_start;"));
	CHECK(target.complete);
	stop(&target);
}

TEST(unwind_of_nonsense)
{
	START_OR_SKIP(&target);
	REQUIRE(ask(&target, "chain"));
	unwind(&target);
	static struct hak_stack good;
	good = target.stack;
	/* A call through NULL; a stack pointer at the end of
	 * memory; registers and stack of noise. */
	memset(target.stack.regs, 0, sizeof(target.stack.regs));
	unwind(&target);
	CHECK(target.frames == 1 && !target.complete && begins(&target, "[unknown];"));
	target.stack = good;
	target.stack.regs[7] = UINT64_MAX - 8;
	unwind(&target);
	CHECK(target.frames >= 1 && !target.complete && begins(&target, "capture;"));
	target.stack.bytes = UINT32_MAX;
	unwind(&target);
	CHECK(target.frames >= 1 && !target.complete);
	srand(1);
	for (int i = 0; i < 2000; i++) {
		target.stack = good;
		for (int k = 0; k < 8; k++)
			target.stack.slice[(unsigned)rand() % good.bytes] = (hak_u8)rand();
		target.stack.regs[rand() % 17] = (uint64_t)rand() << 16;
		target.stack.bytes = (hak_u32)rand() % (HAK_STACK_SLICE + 1);
		unwind(&target);
		REQUIRE(target.frames >= 1 && target.frames <= UNWIND_FRAMES_MAX);
	}
	target.stack = good;
	unwind(&target);
	CHECK(begins(&target, CHAIN));
	CHECK(target.complete);
	stop(&target);
}

TEST(unwind_after_the_process_has_exited)
{
	START_OR_SKIP(&target);
	REQUIRE(ask(&target, "chain"));
	target.unwinder = unwinder__new(target.pid);
	REQUIRE(target.unwinder != NULL);
	kill(target.pid, SIGKILL);
	waitpid(target.pid, NULL, 0);
	unwind(&target);
	CHECK(begins(&target, CHAIN));
	CHECK(target.complete);
	stop(&target);
}

TEST(unwinder_tells_why_it_cannot)
{
	errno = 0;
	CHECK(unwinder__new(0x3fffff00) == NULL);
	CHECK(errno == ESRCH);
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	siginfo_t info;
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	errno = 0;
	CHECK(unwinder__new(pid) == NULL); /* a zombie */
	CHECK(errno == ESRCH);
	waitpid(pid, NULL, 0);
	unwinder__free(NULL);
}
