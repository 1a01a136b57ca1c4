/* SPDX-License-Identifier: MIT */
/* Reads profiles that were written as .folded (ours or anybody's) or .pb.gz (pprof). */
#ifndef HAK_IMPORT_H
#define HAK_IMPORT_H

#include <stddef.h>

/* One stack, outermost frame first. 0, or -errno to stop. */
typedef int import_fn(void *context, const char *const *frames, size_t count, double weight);

/*
 * Reads by the suffix of `path`; of several values the file's default one. `unit` gets "bytes",
 * "ns" or
 * "" (the format does not say). 0 or -errno: -EINVAL a suffix that is not known, -EPROTO a file
 * that is not what its suffix says.
 */
int import_profile(const char *path, import_fn *on_stack, void *context, const char **unit);

#endif
