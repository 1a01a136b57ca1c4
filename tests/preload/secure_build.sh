#!/bin/bash
# SPDX-License-Identifier: MIT
# make SECURE=1: a build whose profile is secure by default, and can be told otherwise. The purge time shows which one
# is in force.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

make_work
SECURE=1 bench/variant.sh "$WORK/secure" || fail "does not build"
said() { env LD_PRELOAD="$WORK/secure/out/libhakmem.so" HAKMEM_VERBOSE=start "$@" ls /dev/null 2>&1; }
[[ $(said) == *"mode normal"*"purge after 100 ms"* ]] || fail "not secure by default: $(said)"
[[ $(said HAKMEM_PROFILE=speed) == *"purge after 1000 ms"* ]] || fail "HAKMEM_PROFILE is not followed: $(said HAKMEM_PROFILE=speed)"
[[ $(preloaded HAKMEM_VERBOSE=start ls /dev/null 2>&1) == *"purge after 1000 ms"* ]] || fail "this build is no reference"
for name in api threads; do
	text=$(LD_PRELOAD=$WORK/secure/out/libhakmem.so "$PROGRAMS/$name" 2>&1) || fail "$name: $text"
done
echo "make SECURE=1: secure by default, speed when told; the test programs pass"
