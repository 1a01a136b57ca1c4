/* SPDX-License-Identifier: MIT */
/*
 * Private copies of ELF files. A file of somebody else's may shrink or change while it is looked
 * at, and what libraries have mapped of it then ends us (SIGBUS) or is not what they have checked.
 * So they never see it: what symbols and unwinding need is copied into memory that nobody can
 * change, sealed, at the same offsets; the rest (code, data) is a hole.
 */
#ifndef HAK_IMAGE_H
#define HAK_IMAGE_H

#include <stddef.h>
#include <stdint.h>

enum image_parts {
	IMAGE_NOTES,   /* headers and notes */
	IMAGE_SYMBOLS, /* and symbol tables */
	IMAGE_ALL, /* and call frame information, debug information where there is room for it */
};

enum {
	IMAGE_BYTES_MAX = 512 << 20, /* of one copy, with what compressed sections hold */
};

/*
 * Copies `parts` of the open file `fd`. A descriptor to read or to map, or -errno: -ENOEXEC no
 * 64-bit ELF file, -EFBIG more than `limit` bytes of what must be there, -EIO shorter than it says.
 * `*bytes`: what the copy takes.
 */
int image__copy(int fd, enum image_parts parts, size_t limit, size_t *bytes);

#endif
