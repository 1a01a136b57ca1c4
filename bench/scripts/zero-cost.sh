#!/bin/bash
# SPDX-License-Identifier: MIT
# Shows that the probes cost the hot path nothing: the hot functions are the same bytes in a build
# with and in a build without probes (nobody attached), and callgrind counts the same.
#   1. the functions as compiled, relocations included, and as linked (bench/scripts/hot_bytes.py says how)
#   2. callgrind's instructions per operation
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=bench/scripts/lib.sh
. bench/scripts/lib.sh

BARE_OUT=${BARE_OUT:-${OUT}-noprobes}
MAKE=${MAKE:-make}
EXACT=0.01 # instructions per operation: less than this is equal
failed=0

make_work

# build PROBES OUT TARGET...: silent unless it fails.
build() {
	local probes=$1 out=$2
	shift 2
	$MAKE PROBES="$probes" OUT="$out" "${@/#/$out/}" >"$WORK/build" 2>&1 || {
		tail -n 20 "$WORK/build" >&2
		die "the build with PROBES=$probes failed"
	}
}
build 1 "$OUT" libhakmem.so hakbench
build 0 "$BARE_OUT" libhakmem.so
BARE=$(realpath "$BARE_OUT/libhakmem.so.1")

# The two arms must be what they claim before anything is compared.
probe_notes() { readelf -n "$1" 2>/dev/null | grep -c stapsdt; }
[[ $(probe_notes "$HAKMEM") -gt 0 ]] || die "$HAKMEM has no probes: OUT is not a build with PROBES=1"
[[ $(probe_notes "$BARE") == 0 ]] || die "$BARE has probes: PROBES=0 did not take effect"
echo "with probes     $HAKMEM: $(probe_notes "$HAKMEM") probe notes"
echo "without probes  $BARE: none"

echo
echo "Machine code of the entry points in both builds (SHA-256 of the build with probes):"
bench/scripts/hot_bytes.py "$OUT/obj/alloc" "$HAKMEM" "$BARE_OUT/obj/alloc" "$BARE" || failed=1

# per_op LIBRARY WORKLOAD OPS: ZONE INSTRUCTIONS BRANCHES
per_op() {
	callgrind_run "$WORK/1" "$1" "$2" -n "$3"
	callgrind_run "$WORK/2" "$1" "$2" -n $((2 * $3))
	bench/scripts/callgrind.py zones-per-op "$WORK/1" "$WORK/2" "$3"
}

echo
echo "Instructions per operation by callgrind, nobody attached. The entry points must be equal; the cold path"
echo "holds the tests of the semaphores, whose cost is told:"
printf '  %-8s %-34s %9s %9s %11s\n' workload zone probes none difference
for workload in hit mixed; do
	with=$(per_op "$HAKMEM" $workload 200000) && without=$(per_op "$BARE" $workload 200000) || exit 1
	awk -v workload=$workload -v exact=$EXACT '
		function line(zone, a, b, must) {
			d = a - b
			verdict = (d < 0 ? -d : d) < exact ? "equal" : must ? "DIFFERS" : "the price of the probes"
			printf "  %-8s %-34s %9.4f %9.4f %+11.4f  %s\n", workload, zone, a, b, d, verdict
			return must && verdict == "DIFFERS"
		}
		NR == FNR { with[$1] = $2; next }
		{ bare[$1] = $2 }
		END {
			wrong = line("wrapper: malloc and free themselves", with["wrapper"], bare["wrapper"], 1)
			line("cold", with["cold"], bare["cold"], 0)
			line("both", with["wrapper"] + with["cold"], bare["wrapper"] + bare["cold"], 0)
			exit wrong
		}' <(echo "$with") <(echo "$without") || failed=1
done

echo
((failed)) && { echo "zero-cost: NOT shown: see the lines marked DIFFERS"; exit 1; }
echo "zero-cost: shown: the hot functions are the same bytes and the same counts with and without probes"
