#!/bin/bash
# SPDX-License-Identifier: MIT
# Address space that is short or taken, in every mode: requests are served while there is anything to serve them
# with, what is freed is there for others, and who overflows an arena or a huge block faults. Addresses vary.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh
make_work
ulimit -c 0

RUNS=300 # of which the addresses are compared

cases=$(preloaded "$PROGRAMS/space") || fail "space lists no cases"
count=0
for mode in HAKMEM_PROFILE=speed HAKMEM_PROFILE=lean HAKMEM_PROFILE=secure HAKMEM_FASTLANE_DIRECT=0; do
	for case in $cases; do
		said=$(preloaded "$mode" timeout 120 "$PROGRAMS/space" "$case" 2>&1) || fail "$case ($mode): $said"
		count=$((count + 1))
	done
done

for ((i = 0; i < RUNS; i++)); do
	preloaded "$PROGRAMS/space" where | head -n 1
done >"$WORK/where"
# Of each bit of an address as much as it varies, added up.
entropy=$(awk '
{ for (k = 1; k <= NF; k++) { v = $k; for (b = 0; b < 48; b++) { n[k, b] += v % 2; v = int(v / 2) } } }
END { for (k = 1; k <= NF; k++) { h = 0
	for (b = 0; b < 48; b++) { p = n[k, b] / NR; if (p > 0 && p < 1) h -= (p * log(p) + (1 - p) * log(1 - p)) / log(2) }
	printf "%d ", h + 0.5 } }' "$WORK/where")
read -r tiny small large huge <<<"$entropy"
# Blocks of 512 bytes have 28 bits at most, of which some vary a little less; runs of granules have 23.
((tiny >= 28 && small >= 27 && large >= 22 && huge >= 28)) || fail "bits of addresses that vary: $entropy"
echo "$count cases hold; blocks of 16, 500, 100000 bytes and 3 MiB vary in $tiny, $small, $large, $huge bits"
