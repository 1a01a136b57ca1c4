#!/bin/bash
# SPDX-License-Identifier: MIT
# The instruction budget of the hot path (bench/budget.txt; deterministic): this build keeps it, and a build with
# one counter more in malloc does not.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

need valgrind
[[ -x $OUT/hakbench ]] || skip "$OUT/hakbench is not built"
make_work
bench/scripts/icount.sh --gate >"$WORK/said" 2>&1 || fail "$(cat "$WORK/said")"
bench/scripts/variant.sh "$WORK/counting" alloc/alloc.h 's/^(\treturn alloc_pop\(tls, slot\);)/\tstatic __thread unsigned long counter __attribute__((used));\n\tcounter++;\n\1/' ||
	fail "variant"
LIBRARY=$WORK/counting/out/libhakmem.so bench/scripts/icount.sh --gate >"$WORK/counting.said" 2>&1 &&
	fail "a build with a counter in malloc passes the gate: $(cat "$WORK/counting.said")"
grep -q 'GATE: malloc.hit: .* instructions' "$WORK/counting.said" || fail "$(cat "$WORK/counting.said")"
echo "$(tail -n 1 "$WORK/said"); with one counter in malloc: $(sed -n 's/^icount: GATE: //p' "$WORK/counting.said" | head -n 1)"
