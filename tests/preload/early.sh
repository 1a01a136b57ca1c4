#!/bin/bash
# SPDX-License-Identifier: MIT
# The first call of a process may be any of the family, before the program's constructors have run.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

cases='free-null free-foreign realloc calloc usable memalign malloc large realloc-foreign trim info'
for name in $cases; do
	said=$(preloaded "$PROGRAMS/early" "$name" 2>&1) || fail "$name: $said"
	for option in FASTLANE_DIRECT=0 FORCE_LIBC_ALLOC=1; do
		said=$(preloaded "HAKMEM_$option" "$PROGRAMS/early" "$name" 2>&1) || fail "$name with HAKMEM_$option: $said"
	done
done
echo "$(wc -w <<<"$cases") kinds of first call work, in three modes"
