/* SPDX-License-Identifier: MIT */
/*
 * A process that hands out its own stack as BPF would: for each line read from stdin it goes down a
 * known chain of functions, writes its registers and a slice of its stack (struct hak_stack) to
 *stdout and then waits for the next line, deep in that chain or back in main.
 *
 *	chain        main > run > chain_one > chain_two > chain_three > capture
 *	deep N       as chain, with N + 1 frames of `descend` before chain_one
 *	thread       in a thread: thread_main > chain_one ...
 *	sort         through libc's qsort: compare > capture
 *	signal       in a handler of a signal that interrupts `interrupted`
 *	cxx          hak::cookie(char const*, unsigned long) > capture
 *	open FILE    dlopen; no output
 *	plugin       through the opened object's plugin_call: back > capture
 *	close        dlclose; no output
 *	entry        as if stopped at the first instruction of chain_one
 *	asm          through a function without call frame information and without symbol size
 *	exec         starts this program anew; no output
 *	lost         the same, without a frame pointer either
 */
#include <alloca.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bpf/stack.h"

#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif
/* Keeps the call before it from becoming a jump, which would take the frame away. */
#define NO_TAIL_CALL() __asm__ volatile("" ::: "memory")

static struct hak_stack stack;
static void *plugin;

static void emit(void)
{
	/* How far the stack goes is not known; the kernel copies up to the first hole. */
	struct iovec here = {stack.slice, sizeof(stack.slice)};
	struct iovec there = {(void *)stack.regs[7], sizeof(stack.slice)};
	ssize_t n = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
	stack.bytes = n > 0 ? (hak_u32)n : 0;
	const char *bytes = (const char *)&stack;
	for (size_t done = 0; done < sizeof(stack);) {
		n = write(STDOUT_FILENO, bytes + done, sizeof(stack) - done);
		if (n <= 0)
			_exit(1);
		done += (size_t)n;
	}
}

NOINLINE void capture(void);
NOINLINE void capture(void)
{
	__asm__ volatile("movq %%rax, %0\n\t movq %%rdx, 8+%0\n\t movq %%rcx, 16+%0\n\t"
	                 "movq %%rbx, 24+%0\n\t movq %%rsi, 32+%0\n\t movq %%rdi, 40+%0\n\t"
	                 "movq %%rbp, 48+%0\n\t movq %%rsp, 56+%0\n\t movq %%r8, 64+%0\n\t"
	                 "movq %%r9, 72+%0\n\t movq %%r10, 80+%0\n\t movq %%r11, 88+%0\n\t"
	                 "movq %%r12, 96+%0\n\t movq %%r13, 104+%0\n\t movq %%r14, 112+%0\n\t"
	                 "movq %%r15, 120+%0\n\t leaq 1f(%%rip), %%rax\n\t movq %%rax, 128+%0\n1:"
	                 : "=m"(stack.regs)
	                 :
	                 : "rax", "memory");
	emit();
	NO_TAIL_CALL();
}

NOINLINE void chain_three(void);
NOINLINE void chain_three(void)
{
	char room[200]; /* frames of different sizes */
	__asm__ volatile("" : : "r"(room) : "memory");
	capture();
	NO_TAIL_CALL();
}

NOINLINE void chain_two(void);
NOINLINE void chain_two(void)
{
	chain_three();
	/* Makes it save all registers, whose epilogue is the hard part. */
	__asm__ volatile("" ::: "rbx", "rbp", "r12", "r13", "r14", "r15", "memory");
}

NOINLINE void chain_one(size_t n);
NOINLINE void chain_one(size_t n)
{
	/* A frame of unknown size is found through rbp only,
	 * which chain_two must have given back. */
	char *room = alloca(n);
	__asm__ volatile("" : : "r"(room) : "memory");
	chain_two();
	NO_TAIL_CALL();
}

NOINLINE void descend(unsigned left);
NOINLINE void descend(unsigned left)
{
	if (left)
		descend(left - 1);
	else
		chain_one(16);
	NO_TAIL_CALL();
}

static NOINLINE void *thread_main(void *arg)
{
	chain_one(16);
	NO_TAIL_CALL();
	return arg;
}

static NOINLINE int compare(const void *a, const void *b)
{
	static int once;
	if (!once++)
		capture();
	return *(const int *)a - *(const int *)b;
}

static NOINLINE void on_signal(int number)
{
	(void)number;
	capture();
	NO_TAIL_CALL();
}

/* Faults at its first instruction: the address before it belongs to another function. */
void interrupted(void);
__asm__(".text\n.globl before_interrupted\n.type before_interrupted, @function\n"
        "before_interrupted: .cfi_startproc\n ret\n .cfi_endproc\n"
        ".size before_interrupted, .-before_interrupted\n"
        ".globl interrupted\n.type interrupted, @function\n"
        "interrupted: .cfi_startproc\n ud2\n ret\n .cfi_endproc\n"
        ".size interrupted, .-interrupted\n");

static void skip_ud2(int number, siginfo_t *info, void *context)
{
	(void)info;
	on_signal(number);
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

/* No call frame information, no size: with and without a frame pointer. */
void plain_asm(void (*call)(void));
void lost_asm(void (*call)(void));
__asm__(".text\n.globl plain_asm\n"
        "plain_asm: push %rbp\n mov %rsp, %rbp\n sub $32, %rsp\n call *%rdi\n leave\n ret\n"
        ".globl lost_asm\n"
        "lost_asm: push %rbp\n sub $32, %rsp\n xor %ebp, %ebp\n call *%rdi\n add $32, %rsp\n"
        "pop %rbp\n ret\n");

void cookie(const char *text, unsigned long n) __asm__("_ZN3hak6cookieEPKcm");
NOINLINE void cookie(const char *text, unsigned long n)
{
	__asm__ volatile("" : : "r"(text), "r"(n));
	capture();
	NO_TAIL_CALL();
}

static NOINLINE void back(void)
{
	capture();
	NO_TAIL_CALL();
}

static void run_entry(void)
{
	/* What a probe at the first instruction of chain_one, called from here, would see. */
	static hak_u64 fake[2];
	fake[0] = (hak_u64) && here;
	memset(&stack, 0, sizeof(stack));
	stack.regs[7] = (hak_u64)fake;
	stack.regs[16] = (hak_u64)chain_one;
here:
	emit();
}

static NOINLINE void run(char *line)
{
	char *argument = strchr(line, ' ');
	if (argument)
		*argument++ = '\0';
	if (!strcmp(line, "chain")) {
		chain_one(16);
	} else if (!strcmp(line, "deep")) {
		descend((unsigned)atoi(argument));
	} else if (!strcmp(line, "thread")) {
		pthread_t thread;
		pthread_create(&thread, NULL, thread_main, NULL);
		pthread_join(thread, NULL);
	} else if (!strcmp(line, "sort")) {
		int numbers[] = {3, 1, 2};
		qsort(numbers, 3, sizeof(*numbers), compare);
	} else if (!strcmp(line, "signal")) {
		struct sigaction action = {.sa_sigaction = skip_ud2, .sa_flags = SA_SIGINFO};
		sigaction(SIGILL, &action, NULL);
		interrupted();
	} else if (!strcmp(line, "cxx")) {
		cookie(line, 1);
	} else if (!strcmp(line, "open")) {
		plugin = dlopen(argument, RTLD_NOW);
		if (!plugin)
			fprintf(stderr, "%s\n", dlerror());
	} else if (!strcmp(line, "close")) {
		dlclose(plugin);
	} else if (!strcmp(line, "plugin")) {
		void (*call)(void (*)(void)) =
		        (void (*)(void (*)(void)))dlsym(plugin, "plugin_call");
		call(back);
	} else if (!strcmp(line, "entry")) {
		run_entry();
	} else if (!strcmp(line, "asm")) {
		plain_asm(back);
	} else if (!strcmp(line, "exec")) {
		execl("/proc/self/exe", "stack_target", (char *)NULL);
	} else if (!strcmp(line, "lost")) {
		lost_asm(back);
	}
	NO_TAIL_CALL();
}

int main(void)
{
	char line[4096];
	setvbuf(stdin, NULL, _IONBF, 0); /* exec must not swallow the next line */
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		run(line);
	}
	return 0;
}
