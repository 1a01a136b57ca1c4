/* SPDX-License-Identifier: MIT */
/* An ELF object as it lies in a process's memory: for the vdso, and for files that cannot be
 * opened. */
#ifndef HAK_MEMORY_IMAGE_H
#define HAK_MEMORY_IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/target/maps.h"

/*
 * Puts together what process `pid` has mapped from `start` to `end` of one object, each mapping at
 * its offset in the file. The caller frees it; NULL when it cannot be read, is no 64-bit ELF file,
 * or more than such an object has.
 */
void *memory_image__read(pid_t pid, const struct maps *maps, uint64_t start, uint64_t end,
                         size_t *bytes);

#endif
