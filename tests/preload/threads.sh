#!/bin/bash
# SPDX-License-Identifier: MIT
# Many short threads, blocks that travel between threads, blocks freed by thread-specific destructors.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

for round in 1 2 3; do
	said=$(preloaded timeout 120 "$PROGRAMS/threads" 2>&1) || fail "round $round: $said"
done
echo "threads: $said"
