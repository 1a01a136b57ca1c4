#!/bin/bash
# SPDX-License-Identifier: MIT
# Stock of threads that wait goes back to the system while others work; threads whose stock is taken go
# on unharmed.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

waited=$(preloaded HAKMEM_PURGE_MS=50 timeout 120 "$PROGRAMS/idle" wait 2>&1) || fail "waiting threads: $waited"
trimmed=$(preloaded timeout 120 "$PROGRAMS/idle" trim 2>&1) || fail "threads trimmed at work: $trimmed"
echo "$waited; trimmed at work: $trimmed"
