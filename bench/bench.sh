#!/bin/bash
# SPDX-License-Identifier: MIT
# hakmem against glibc, mimalloc, jemalloc and tcmalloc (Debian's) on all workloads, with 1 and 2 threads.
#   bench/bench.sh [bench-quick]     BENCH_LIBS=NAME=PATH,... adds others; ROUNDS (5), SECONDS_EACH
# Results in out/bench/: report.md, results.json, speed.svg, rss.svg.
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=bench/lib.sh
. bench/lib.sh
arguments=(-o "$OUT/bench" -r "${ROUNDS:-5}" -d "${SECONDS_EACH:-0.3}")
[[ ${1:-} == bench-quick ]] && arguments+=(--quick)
for name in mimalloc jemalloc tcmalloc; do
	library=$(peer_library $name)
	[[ -n $library ]] || { echo "bench: $name is not installed, left out" >&2; continue; }
	arguments+=(--lib "$name=$library")
done
IFS=, read -ra others <<<"${BENCH_LIBS:-}"
for other in "${others[@]}"; do
	[[ $other == *=* && -f ${other#*=} ]] || die "BENCH_LIBS: '$other' is not NAME=PATH of a library"
	arguments+=(--lib "${other%%=*}=$(realpath "${other#*=}")")
done
"$HAKBENCH" compare "${arguments[@]}" || exit
cat "$OUT/bench/report.md"
echo "kept in $OUT/bench: report.md, results.json, speed.svg, rss.svg"
