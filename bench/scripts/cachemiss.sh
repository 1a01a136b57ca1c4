#!/bin/bash
# SPDX-License-Identifier: MIT
# Cache misses per operation by cachegrind, which simulates a last-level cache of 512 KiB, 8 ways: does an
# allocator hand out the block that is still in the cache? Every byte of each new block is written.
#   bench/scripts/cachemiss.sh           hakmem and its peers, WORKLOADS (mixed c6 c7 tiny larson)
#   bench/scripts/cachemiss.sh --gate    hakmem alone, mixed
# Fails when hakmem's mixed is above the ceiling. Deterministic. Result in out/bench/cachemiss.md.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=bench/scripts/lib.sh
. bench/scripts/lib.sh

CEILING_MIXED=0.15
CACHE=--LL=524288,8,64
TOUCH=1039 # the largest block of mixed
OPS=200000 # of the shorter run; the longer one does twice as many
allocators=${ALLOCATORS:-$PEERS}
workloads=${WORKLOADS:-mixed c6 c7 tiny larson}
[[ ${1:-} == --gate ]] && allocators=hakmem workloads=mixed
command -v valgrind >/dev/null || die "valgrind is missing: make deps"
make_work

# misses LIBRARY WORKLOAD: last-level and first-level misses per operation.
misses() {
	local n
	for n in 1 2; do
		valgrind_run "$WORK/$n" "$1" "--tool=cachegrind $CACHE --cache-sim=yes --cachegrind-out-file=$WORK/$n" \
			"$2" -n $((n * OPS)) --touch $TOUCH
	done
	awk -v ops=$OPS '
		function per_op(cost) { return cost > 0 ? cost / ops : 0 } # one miss less is none
		$1 == "events:" { for (i = 2; i <= NF; i++) name[i] = $i }
		$1 == "summary:" || $1 == "summary" {
			runs++
			for (i = 2; i <= NF; i++) {
				cost = runs == 1 ? -$i : $i
				if (name[i] ~ /^(ILmr|DLmr|DLmw)$/) last += cost
				if (name[i] ~ /^(I1mr|D1mr|D1mw)$/) first += cost
			}
		}
		END { if (runs != 2) exit 1; printf "%.4f %.4f\n", per_op(last), per_op(first) }' "$WORK/1" "$WORK/2" ||
		die "cachegrind left no summary"
}

mkdir -p "$OUT/bench"
{
	echo "Cache misses per operation ($CACHE; every byte of each new block written):"
	echo
	echo "| workload | allocator | last level | first level |"
	echo "|---|---|---:|---:|"
	for workload in $workloads; do
		for name in $allocators; do
			library=$(peer_library "$name")
			[[ -n $library ]] || continue
			found=$(misses "$library" "$workload") || exit 1
			read -r last first <<<"$found"
			echo "| $workload | $name | $last | $first |"
			[[ $workload/$name != mixed/hakmem ]] || echo "$last" >"$WORK/mixed"
		done
	done
} | tee "$WORK/table"
((PIPESTATUS[0] == 0)) || exit 1
[[ ${1:-} == --gate ]] || cp "$WORK/table" "$OUT/bench/cachemiss.md"
[[ -s $WORK/mixed ]] || exit 0
awk -v ceiling=$CEILING_MIXED '{
	printf "cachemiss: mixed: %.4f last-level misses per operation, ceiling %.2f\n", $1, ceiling
	exit $1 > ceiling
}' "$WORK/mixed" || { echo "cachemiss: GATE: mixed is above the ceiling"; exit 1; }
