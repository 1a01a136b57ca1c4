/* SPDX-License-Identifier: MIT */
/*
 * What a process can prove about its own allocator: which object malloc is in (path and build-id),
 * whose block a fresh one is, the mode and the options in force. A comparison believes nothing
 * else.
 */
#ifndef BENCH_PROOF_H
#define BENCH_PROOF_H

#include <stdbool.h>

/*
 * Prints the proof as a JSON object, without a line end: allocator, build_id, owned, in_heap, mode,
 * options (those whose variables, HAKMEM_*, are in the environment; null = no such option).
 * With `destructively`, a child process frees a block twice, and double_free_caught says whether
 * that ended it: the effect that checked mode is for.
 */
void proof_print(bool destructively);

#endif
