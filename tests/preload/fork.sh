#!/bin/bash
# SPDX-License-Identifier: MIT
# fork while other threads allocate: the child allocates, frees its parent's blocks, starts threads, forks.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

said=$(preloaded timeout 300 "$PROGRAMS/forked" 2>&1) || fail "$said"
echo "fork with threads: $said"
