/* SPDX-License-Identifier: MIT */
/* What the lab wants to know of an ELF file. */
#ifndef BENCH_ELF_FILE_H
#define BENCH_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>

enum { BUILD_ID_TEXT = 2 * 32 + 1 };

/* Build-id in hexadecimal; false when it has none or cannot be read. */
bool elf_file_build_id(const char *path, char text[BUILD_ID_TEXT]);

/* The same in a note segment, of a file or in memory. */
bool elf_build_id_in_notes(const char *notes, size_t bytes, char text[BUILD_ID_TEXT]);

/*
 * Whether the file itself defines the dynamic symbol. A program that is not position-independent
 * has malloc's address as an entry of its own that jumps to whatever its malloc was bound to, and
 * others are bound to that entry; the symbol is undefined there.
 */
bool elf_file_defines(const char *path, const char *symbol);

#endif
