#!/bin/bash
# SPDX-License-Identifier: MIT
# A sandbox that a process enters after the allocator's start, and that knows the classic calls only, refuses or
# kills for the others: allocation goes on.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh
ulimit -c 0

# membarrier, when it is not answered but killed for, is told apart by the thread module's own test
runs=0
for call in mmap madvise mincore; do
	for answer in kill 1 12 38; do # EPERM, ENOMEM, ENOSYS
		for mode in HAKMEM_PROFILE=speed HAKMEM_FASTLANE_DIRECT=0; do
			said=$(preloaded "$mode" timeout 60 "$PROGRAMS/sandboxed" $call $answer 2>&1) ||
				fail "$call is answered by $answer ($mode): status $?: $said"
			runs=$((runs + 1))
		done
	done
done
echo "in $runs sandboxes without flags of mmap, advice of madvise or mincore all blocks are there"
