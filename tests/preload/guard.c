/* SPDX-License-Identifier: MIT */
/*
 * guard CASE, to be run with HAKMEM_GUARD=1: does one wrong thing to a guarded block. Before that
 * it writes what the report is to begin with on stdout. Reaching the end means that nothing was
 * noticed: exit 42. The cases that do nothing wrong end so as well.
 */
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { PAGE = 4096, AT_START, AT_END };

static bool (*owns)(const void *);

/* The report is to name these two as the callers. */
static __attribute__((noinline)) char *make(size_t size)
{
	char *p = malloc(size);
	__asm__ volatile("" : : "r"(p) : "memory"); /* no tail call */
	return p;
}

static __attribute__((noinline)) void drop(void *p)
{
	free(OPAQUE(p));
	__asm__ volatile("" : : : "memory");
}

static bool is_at_start(const char *p)
{
	return (uintptr_t)p % PAGE == 0;
}

/* A block at that end of its page; one that is not guarded is where it happens to be, so the one
 * before it is kept until there is another. */
static char *block_at(int where, size_t size)
{
	char *before = NULL;
	for (;;) {
		char *p = make(size);
		drop(before);
		if (is_at_start(p) == (where == AT_START))
			return p;
		before = p;
	}
}

static void expect(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void expect(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	printf("hakmem: ");
	vprintf(format, arguments);
	va_end(arguments);
	fflush(stdout);
}

static void set(char *p, char value)
{
	*(volatile char *)OPAQUE(p) = value;
}

static char get(char *p)
{
	return *(volatile char *)OPAQUE(p);
}

static void overflow_write(void)
{
	char *p = block_at(AT_END, 40);
	expect("overflow: %p (write), 8 bytes behind the end of a block of 40 bytes, allocated by "
	       "thread %d at ",
	       (void *)(p + 48), gettid());
	set(p + 48, 1);
}

static void overflow_read(void)
{
	char *p = block_at(AT_END, 48);
	expect("overflow: %p (read), 0 bytes behind the end of a block of 48 bytes, allocated by "
	       "thread %d at ",
	       (void *)(p + 48), gettid());
	get(p + 48);
}

static void overflow_far(void)
{
	char *p = block_at(AT_END, 1000);
	expect("overflow: %p (write), 2000 bytes behind the end of a block of 1000 bytes, ",
	       (void *)(p + 3000));
	set(p + 3000, 1);
}

/* Between the block and the edge of the page. */
static void overflow_padding(void)
{
	char *p = block_at(AT_END, 40);
	expect("overflow: %p, 0 bytes behind the end of a block of 40 bytes, allocated by thread %d "
	       "at ",
	       (void *)(p + 40), gettid());
	set(p + 40, 0);
	drop(p);
}

static void overflow_of_nothing(void)
{
	char *p = block_at(AT_END, 0);
	expect("overflow: %p, 3 bytes behind the end of a block of 0 bytes, ", (void *)(p + 3));
	set(p + 3, 0);
	drop(p);
}

static void overflow_in_page(void)
{
	char *p = block_at(AT_START, 40);
	expect("overflow: %p, 3960 bytes behind the end of a block of 40 bytes, ",
	       (void *)(p + 4000));
	set(p + 4000, 1);
	drop(p);
}

static void underflow_read(void)
{
	char *p = block_at(AT_START, 40);
	expect("underflow: %p (read), 1 bytes in front of a block of 40 bytes, ", (void *)(p - 1));
	get(p - 1);
}

static void underflow_in_page(void)
{
	char *p = block_at(AT_END, 40);
	expect("underflow: %p, 8 bytes in front of a block of 40 bytes, ", (void *)(p - 8));
	set(p - 8, 1);
	drop(p);
}

static void use_after_free_read(void)
{
	char *p = block_at(AT_END, 40);
	drop(p);
	expect("use after free: %p (read), 12 bytes into a block of 40 bytes, allocated by thread "
	       "%d at ",
	       (void *)(p + 12), gettid());
	get(p + 12);
}

/* The page is handed out again only after all others that are free. */
static void use_after_free_late(void)
{
	char *p = block_at(AT_END, 100);
	drop(p);
	for (int i = 0; i < 200; i++)
		drop(make(100));
	expect("use after free: %p (write), 0 bytes into a block of 100 bytes, ", (void *)p);
	set(p, 1);
}

static void use_after_realloc(void)
{
	char *p = block_at(AT_END, 40);
	char *q = realloc(OPAQUE(p), 41);
	if (!q)
		return;
	expect("use after free: %p (write), 39 bytes into a block of 40 bytes, ", (void *)(p + 39));
	set(p + 39, 1);
}

/* The report has to do with a small stack for signals, below which nothing is. */
static void on_small_stack(void)
{
	enum { STACK = 8192 };
	char *memory = mmap(NULL, PAGE + STACK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = {.ss_sp = memory + PAGE, .ss_size = STACK};
	CHECK(memory != MAP_FAILED && !mprotect(stack.ss_sp, STACK, PROT_READ | PROT_WRITE));
	CHECK(!sigaltstack(&stack, NULL));
	char *p = make(10);
	drop(p);
	expect("use after free: %p (read), 9 bytes into a block of 10 bytes, allocated by thread %d at ",
	       (void *)(p + 9), gettid());
	get(p + 9);
}

static pid_t freed_by;

static void *drop_here(void *p)
{
	freed_by = gettid();
	drop(p);
	return NULL;
}

static void use_after_free_elsewhere(void)
{
	pthread_t thread;
	char *p = block_at(AT_END, 64);
	pthread_create(&thread, NULL, drop_here, p);
	pthread_join(thread, NULL);
	expect("use after free: %p (read), 63 bytes into a block of 64 bytes, allocated by thread %d "
	       "at [^ ]+ [^ ]+, freed by thread %d at ",
	       (void *)(p + 63), gettid(), freed_by);
	get(p + 63);
}

static void double_free(void)
{
	char *p = make(100);
	drop(p);
	for (int i = 0; i < 100; i++)
		drop(make(100));
	expect("double free of %p, 0 bytes into a block of 100 bytes, allocated by thread %d at ",
	       (void *)p, gettid());
	drop(p);
}

static void free_interior(void)
{
	char *p = make(100);
	expect("free of an address that is not the start of a block: %p, 16 bytes into a block of "
	       "100 bytes, ",
	       (void *)(p + 16));
	drop(p + 16);
}

static void realloc_freed(void)
{
	char *p = make(100);
	drop(p);
	expect("double free of %p, 0 bytes into a block of 100 bytes, ", (void *)p);
	p = realloc(OPAQUE(p), 200);
}

static void in_forked_child(void)
{
	char *p = make(100), *q = make(50);
	expect("use after free: %p (write), 1 bytes into a block of 100 bytes, ", (void *)(p + 1));
	pid_t child = fork();
	if (child == 0) {
		drop(q);
		drop(p);
		set(p + 1, 1);
		_exit(42);
	}
	int status = 0;
	waitpid(child, &status, 0);
	set(p + 1, 1); /* is still ours */
	drop(p);
	drop(q);
	if (WIFSIGNALED(status))
		raise(WTERMSIG(status));
}

/* --- faults that are none of ours ------------------------------------------------------------- */

static void null_pointer(void)
{
	set(NULL, 1);
}

static void sent_signal(void)
{
	raise(SIGSEGV);
}

static sigjmp_buf back_to;
static void *volatile fault_at;

static void on_fault(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	fault_at = info->si_addr;
	siglongjmp(back_to, 1);
}

/* A program that handles its faults gets them, those of guarded blocks among them. */
static void own_handler(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	char *p = make(100), *volatile wrong[] = {(char *)8, p};
	drop(p);
	sigaction(SIGSEGV, &action, NULL);
	for (volatile int i = 0; i < 2; i++) {
		if (!sigsetjmp(back_to, 1))
			set(wrong[i], 1);
		if (fault_at != wrong[i])
			exit(1);
	}
}

/* --- nothing wrong ---------------------------------------------------------------------------- */

/* With the profile secure a block's class has room for what stands behind it as well. */
static size_t largest_guarded(void)
{
	const char *profile = getenv("HAKMEM_PROFILE");
	return profile && !strcmp(profile, "secure") ? PAGE - 8 : PAGE;
}

static void sizes(void)
{
	for (size_t size = 0; size <= largest_guarded(); size++) {
		char *p = make(size);
		CHECK(owns(p) && malloc_usable_size(p) == size && (uintptr_t)p % 16 == 0);
		memset(p, 0x5a, size);
		p = realloc(p, size + 1);
		CHECK(p[size / 2] == 0x5a || size == 0);
		p = realloc(p, size / 2 + 1);
		CHECK(p[size / 2] == 0x5a || size == 0);
		drop(p);
		p = calloc(1, size);
		for (size_t i = 0; i < size; i++)
			CHECK(p[i] == 0);
		drop(p);
	}
	for (size_t align = 16; align <= 4 * PAGE; align *= 2)
		for (size_t size = 1; size < 5000; size += 123) {
			char *p = NULL;
			CHECK(posix_memalign((void **)&p, align, size) == 0);
			CHECK((uintptr_t)p % align == 0 && malloc_usable_size(p) >= size);
			memset(p, 1, size);
			drop(p);
		}
	malloc_trim(0);
}

/* More blocks than there are slots: the others come from where they always do. */
static void more_than_slots(void)
{
	enum { BLOCKS = 5000 };
	static char *block[BLOCKS];
	for (int round = 0; round < 3; round++) {
		size_t guarded = 0;
		for (int i = 0; i < BLOCKS; i++) {
			block[i] = make(42); /* of no class, with what is behind it or without */
			memset(block[i], i, 42);
			guarded += malloc_usable_size(block[i]) == 42;
		}
		CHECK(guarded >= 250 && guarded <= 256);
		for (int i = 0; i < BLOCKS; i++) {
			CHECK(block[i][41] == (char)i);
			drop(block[i]);
		}
	}
}

static char *shared[64];

static void *churn(void *argument)
{
	uint64_t random = (uintptr_t)argument;
	for (int i = 0; i < 20000; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		size_t size = (random >> 33) % 5000;
		char *p = make(size);
		memset(p, 1, size);
		drop(__atomic_exchange_n(&shared[random >> 58], p, __ATOMIC_ACQ_REL));
		if (i % 5000 == 0 && fork() == 0) {
			drop(make(size));
			_exit(0);
		}
	}
	return NULL;
}

static void threads(void)
{
	pthread_t thread[6];
	int status;
	for (uintptr_t i = 0; i < 6; i++)
		pthread_create(&thread[i], NULL, churn, (void *)(i + 1));
	for (int i = 0; i < 6; i++)
		pthread_join(thread[i], NULL);
	while (wait(&status) > 0)
		CHECK(status == 0);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
        {"overflow-write", overflow_write},
        {"overflow-read", overflow_read},
        {"overflow-far", overflow_far},
        {"overflow-padding", overflow_padding},
        {"overflow-of-nothing", overflow_of_nothing},
        {"overflow-in-page", overflow_in_page},
        {"underflow-read", underflow_read},
        {"underflow-in-page", underflow_in_page},
        {"use-after-free-read", use_after_free_read},
        {"use-after-free-late", use_after_free_late},
        {"use-after-realloc", use_after_realloc},
        {"use-after-free-on-small-stack", on_small_stack},
        {"use-after-free-elsewhere", use_after_free_elsewhere},
        {"double-free", double_free},
        {"free-interior", free_interior},
        {"realloc-freed", realloc_freed},
        {"in-forked-child", in_forked_child},
        {"null-pointer", null_pointer},
        {"sent-signal", sent_signal},
        {"own-handler", own_handler},
        {"sizes", sizes},
        {"more-than-slots", more_than_slots},
        {"threads", threads},
};

int main(int argc, char **argv)
{
	require_hakmem();
	owns = (bool (*)(const void *))dlsym(RTLD_DEFAULT, "hak_owns");
	setvbuf(stdout, NULL, _IOFBF, 1000);
	for (size_t i = 0; argc == 2 && i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			return checks_failed ? 1 : 42;
		}
	return 2;
}
