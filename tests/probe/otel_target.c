/* SPDX-License-Identifier: MIT */
/*
 * A program that knows nothing of hakmem: it has an allocator of its own, with the two probes of
 * the otel_memory contract written out here. While alloc is watched, every allocation is a sample
 * and weighs what it is. `cache` keeps 300 blocks of 1,000 bytes, `parse` frees 500 of 64 bytes at
 * once, `leak` loses 40 of 5,000. Says "ready", and "done" after a line from stdin.
 */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define SEPARATE __attribute__((noinline, noclone))

__asm__(".pushsection .probes,\"aw\",\"progbits\"\n"
        "alloc_semaphore: .2byte 0\n"
        "free_semaphore: .2byte 0\n"
        ".popsection\n"
        ".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n"
        ".weak _.stapsdt.base\n.hidden _.stapsdt.base\n"
        "_.stapsdt.base: .space 1\n.size _.stapsdt.base, 1\n"
        ".popsection\n");

extern volatile uint16_t alloc_semaphore __attribute__((visibility("hidden")));

#define SITE(name, arguments)                                                                     \
	"990: nop\n"                                                                              \
	".pushsection .note.stapsdt,\"\",\"note\"\n.balign 4\n"                                   \
	".4byte 992f-991f, 994f-993f, 3\n991: .asciz \"stapsdt\"\n992: .balign 4\n"               \
	"993: .8byte 990b, _.stapsdt.base, " name "_semaphore\n"                                  \
	".asciz \"otel_memory\"\n.asciz \"" name "\"\n.asciz \"" arguments "\"\n994: .balign 4\n" \
	".popsection\n"

SEPARATE static void tell_alloc(void *block, uint64_t size, uint64_t weighted)
{
	__asm__ volatile(SITE("alloc", "8@%%rdi 8@%%rsi 8@%%rdx")
	                 :
	                 : "D"(block), "S"(size), "d"(weighted)
	                 : "memory");
}

SEPARATE static void tell_free(void *block)
{
	__asm__ volatile(SITE("free", "8@%%rdi") : : "D"(block) : "memory");
}

static char pool[4 << 20];
static size_t used;
static volatile unsigned done;

/* Never gives memory back: what counts here is what it says. */
SEPARATE static void *pool_get(size_t size)
{
	char *block = pool + used;

	used += (size + 15) & ~(size_t)15;
	if (used > sizeof(pool))
		abort();
	if (alloc_semaphore)
		tell_alloc(block, size, size);
	done++;
	return block;
}

SEPARATE static void pool_put(void *block)
{
	tell_free(block);
	done++;
}

SEPARATE static void cache(void)
{
	for (int i = 0; i < 300; i++)
		*(volatile char *)pool_get(1000) = 1;
	done++;
}

SEPARATE static void parse(void)
{
	for (int i = 0; i < 500; i++)
		pool_put(pool_get(64));
	done++;
}

SEPARATE static void leak(void)
{
	for (int i = 0; i < 40; i++)
		*(volatile char *)pool_get(5000) = 1;
	done++;
}

static void wait_for_line(void)
{
	char byte;

	while (read(0, &byte, 1) == 1 && byte != '\n')
		;
}

int main(void)
{
	if (write(1, "ready\n", 6) != 6)
		return 1;
	wait_for_line();
	cache();
	parse();
	leak();
	if (write(1, "done\n", 5) != 5)
		return 1;
	wait_for_line();
	return 0;
}
