#!/bin/bash
# SPDX-License-Identifier: MIT
# make SECURE=1: a build whose hot path checks every block. The test programs pass in all profiles and in
# checked mode, and each program of tests/misuse ends as it says.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

make_work
SECURE=1 bench/scripts/variant.sh "$WORK/secure" || fail "does not build"
library=$WORK/secure/out/libhakmem.so
for setting in HAKMEM_PROFILE={speed,lean,secure} HAKMEM_FASTLANE_DIRECT=0 HAKMEM_GUARD=7; do
	for name in api threads; do
		text=$(env LD_PRELOAD="$library" "$setting" "$PROGRAMS/$name" 2>&1) || fail "$name, $setting: $text"
	done
done
for name in double-free after-free; do
	LD_PRELOAD=$library timeout 30 "$PROGRAMS/aborting" $name 2>"$WORK/err"
	rc=$?
	((rc == 7)) || fail "a handler of SIGABRT that allocates ($name): exit $rc, $(<"$WORK/err")"
done
rows=$(tests/misuse/run.sh check SECURE=1 "$library") || fail "$rows"
echo "make SECURE=1: the test programs pass; ${rows##*: }"
