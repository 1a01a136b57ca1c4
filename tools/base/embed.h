/* SPDX-License-Identifier: MIT */
/* Files that become part of the program: a style sheet, a script. */
#ifndef HAK_EMBED_H
#define HAK_EMBED_H

/* Text of a file of the source tree (the path is relative to it, or on the include path). */
#define EMBED(name, file)         \
	extern const char name[]; \
	__asm__(".pushsection .rodata\n" #name ": .incbin \"" file "\"\n.byte 0\n.popsection\n")

#endif
