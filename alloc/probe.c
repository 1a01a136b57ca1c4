/* SPDX-License-Identifier: MIT */
/*
 * The probe sites. Built without red zone (an attached probe may run a trampoline below the stack
 * pointer) and with frame pointers (so that frame-pointer unwinders see every caller).
 *
 * Note format: https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation
 */
#include "probe.h"

#if HAK_PROBES

/* Assembler reads best a line a line. */
/* clang-format off */

/*
 * A semaphore is a 16-bit counter in .probes; tools find its address in the note. The first are in one
 * aligned word. In assembler, because C does not promise the order of variables.
 */
#define HAK_PROBE_SEMAPHORE(provider, name, n)                                   \
	".globl " #provider "_" #name "_semaphore\n"                             \
	".hidden " #provider "_" #name "_semaphore\n"                            \
	".type " #provider "_" #name "_semaphore, @object\n"                     \
	".size " #provider "_" #name "_semaphore, 2\n"                           \
	#provider "_" #name "_semaphore: .2byte 0\n"

__asm__(".pushsection .probes,\"aw\",\"progbits\"\n"
	".balign 8\n"
	".globl probe_visit_semaphores\n"
	".hidden probe_visit_semaphores\n"
	"probe_visit_semaphores:\n"
	HAK_VISIT_PROBES(HAK_PROBE_SEMAPHORE)
	".balign 8\n"
	HAK_OTHER_PROBES(HAK_PROBE_SEMAPHORE)
	".popsection\n");

#define HAK_NOTE_ARGS_1 "8@%%rdi"
#define HAK_NOTE_ARGS_2 HAK_NOTE_ARGS_1 " 8@%%rsi"
#define HAK_NOTE_ARGS_3 HAK_NOTE_ARGS_2 " 8@%%rdx"

#define HAK_SITE_ARGS_1 "D"(a)
#define HAK_SITE_ARGS_2 HAK_SITE_ARGS_1, "S"(b)
#define HAK_SITE_ARGS_3 HAK_SITE_ARGS_2, "d"(c)

/* The anchor that notes are relative to, one per object. */
__asm__(".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n"
	".weak _.stapsdt.base\n"
	".hidden _.stapsdt.base\n"
	"_.stapsdt.base: .space 1\n"
	".size _.stapsdt.base, 1\n"
	".popsection\n");

#define HAK_PROBE_SITE(provider, name, n)                                        \
	__attribute__((noinline)) void fire_##provider##_##name(HAK_PARAMS_##n)  \
	{                                                                        \
		__asm__ volatile("990: nop\n"                                    \
				 ".byte 0x66,0x2e,0x0f,0x1f,0x84,0,0,0,0,0\n"    \
				 ".pushsection .note.stapsdt,\"\",\"note\"\n"    \
				 ".balign 4\n"                                   \
				 ".4byte 992f-991f, 994f-993f, 3\n"              \
				 "991: .asciz \"stapsdt\"\n"                     \
				 "992: .balign 4\n"                              \
				 "993: .8byte 990b\n"                            \
				 ".8byte _.stapsdt.base\n"                       \
				 ".8byte " #provider "_" #name "_semaphore\n"    \
				 ".asciz \"" #provider "\"\n"                    \
				 ".asciz \"" #name "\"\n"                        \
				 ".asciz \"" HAK_NOTE_ARGS_##n "\"\n"            \
				 "994: .balign 4\n"                              \
				 ".popsection\n"                                 \
				 :                                               \
				 : HAK_SITE_ARGS_##n                             \
				 : "memory");                                    \
	}

/* clang-format on */

HAK_PROBE_CATALOGUE(HAK_PROBE_SITE)

#endif
