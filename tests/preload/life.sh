#!/bin/bash
# SPDX-License-Identifier: MIT
# Threads whose end the kernel does not tell, a child of vfork in a thread's place, filters that kill.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

tried=0
for mode in list filter many vfork kill killed; do
	for option in VERBOSE=0 PURGE_MS=20 PROFILE=lean PROFILE=secure FASTLANE_DIRECT=0; do
		said=$(preloaded "HAKMEM_$option" timeout 60 "$PROGRAMS/life" "$mode" 2>&1)
		code=$?
		((code == 77)) && skip "$said"
		((code == 0)) || fail "$mode, HAKMEM_$option (exit $code): $said"
		tried=$((tried + 1))
	done
done
echo "$tried times nothing was touched that was not there any more, and nobody was taken for dead"
