#!/bin/bash
# SPDX-License-Identifier: MIT
# A thread with a pending cancellation gets through every function of the malloc family, in all modes.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

for option in VERBOSE=quiet FASTLANE_DIRECT=0 PROFILE=lean PROFILE=secure FORCE_LIBC_ALLOC=1 GUARD=50; do
	said=$(preloaded "HAKMEM_$option" timeout 200 "$PROGRAMS/cancel" 2>&1) || fail "HAKMEM_$option: $(grep -v '^<\|^hakmem:' <<<"$said")"
done
echo "a pending cancellation is acted on by none of the malloc family, in 6 modes"
