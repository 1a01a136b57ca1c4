/* SPDX-License-Identifier: MIT */
/*
 * Where the debug information of a process's file lies. The file itself names it (build-id,
 * .gnu_debuglink), so the name is the process's: it is looked for below the process's root, links
 * are not followed, and what the process could not read itself is not read for it.
 */
#ifndef HAK_DEBUG_FILE_H
#define HAK_DEBUG_FILE_H

#include <elfutils/libdwfl.h>
#include <sys/types.h>

/*
 * Opens the debug file of `mod`, which process `pid` sees as `path`: in the directories of
 * build-ids here and under its root, then as `debuglink` (may be NULL) says, next to the file. 0
 * for `pid`: a file of ours. With the module's build-id, or where it has none with the checksum
 * `crc`. A descriptor, or -errno: -ENOENT there is none, anything else is about what is there.
 */
int debug_file__open(Dwfl_Module *mod, pid_t pid, const char *path, const char *debuglink,
                     GElf_Word crc);

/* The file that `name` and the `length` bytes of build-id in .gnu_debugaltlink tell (dwz); 0 for
 * `pid`: only by its build-id, here. */
int debug_file__open_shared(pid_t pid, const char *name, const unsigned char *build_id,
                            size_t length);

#endif
