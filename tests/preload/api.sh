#!/bin/bash
# SPDX-License-Identifier: MIT
# The malloc family's return values, errno, alignment, realloc and information: C programs that check.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

total=0
for name in api aligned realloc info; do
	said=$(preloaded "$PROGRAMS/$name" 2>&1) || fail "$name: $said"
	said=$(tail -n 1 <<<"$said")
	total=$((total + ${said%% *}))
done
echo "$total checks of the malloc family's semantics hold"
