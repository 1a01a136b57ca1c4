#!/bin/bash
# SPDX-License-Identifier: MIT
# What of libc others may replace, they may allocate in: another preloaded library does, of every function that we call.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

CC=${CC:-gcc}
need "$CC"
make_work
"$CC" -O2 -D_GNU_SOURCE -fno-builtin -w -shared -fPIC tests/preload/plugin/hooks.c -o "$WORK/libhooks.so" -ldl ||
	fail "the hooks do not compile"

tried=0
for option in VERBOSE=start FASTLANE_DIRECT=0 PROFILE=lean PROFILE=secure FORCE_LIBC_ALLOC=1 GUARD=50; do
	for order in "$WORK/libhooks.so $HAKMEM" "$HAKMEM $WORK/libhooks.so"; do
		said=$(timeout 100 env LD_PRELOAD="$order" "HAKMEM_$option" "$PROGRAMS/hooks" 2>&1) ||
			fail "hooks, $order, HAKMEM_$option (exit $?): $said"
		said=$(timeout 100 env LD_PRELOAD="$order" "HAKMEM_$option" date 2>&1) ||
			fail "date, $order, HAKMEM_$option (exit $?): $said"
		tried=$((tried + 2))
	done
done
echo "$tried programs run with libc's functions replaced by ones that allocate"
