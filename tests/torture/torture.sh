#!/bin/bash
# SPDX-License-Identifier: MIT
# The torture: many real threads that allocate, free, die in every way, fork and trim at once, every block checked. A few seconds each
# (SECONDS_EACH) in every mode, with the library's assertions, under ThreadSanitizer, and while hakprobe attaches and detaches. SEED: the
# first of the seeds; WITHOUT: roles that are left out.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh
# shellcheck source=tests/torture/lib.sh
. tests/torture/lib.sh

make_work
seconds=${SECONDS_EACH:-5}
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
for mode in "${MODES[@]}"; do
	torture_once "$mode" "$HAKMEM" $((seed++)) "$seconds"
done
for build in debug secure; do
	library=$(realpath -m "$OUT-$build/libhakmem.so")
	[[ -f $library ]] || fail "$library is missing: make torture-builds"
	torture_once default "$library" $((seed++)) "$seconds"
done
debug=$(realpath -m "$OUT-debug/libhakmem.so")
torture_once HAKMEM_PURGE_MS=10 "$debug" $((seed++)) "$seconds"
torture_tsan $((seed++)) "$seconds"
torture_watched $((seed++)) $((2 * seconds))
echo "$TORTURED operations, $RUNS runs, each mode at least once; $WATCHED"
