#!/bin/bash
# SPDX-License-Identifier: MIT
# hakmem against glibc, mimalloc, jemalloc and tcmalloc (Debian's) on all workloads, with 1 and 2 threads.
#   bench/scripts/bench.sh [bench-quick]     BENCH_LIBS=NAME=PATH,... adds others; ROUNDS (5), SECONDS_EACH (0.3),
#                                    WORKLOADS=A,B,...
# Results in out/bench/: report.md, results.json, speed.svg, rss.svg; together with those of
# make bench-programs, if there are any, in out/bench/all/.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=bench/scripts/lib.sh
. bench/scripts/lib.sh
rm -f "$OUT/bench/report.md"
arguments=(-o "$OUT/bench" -r "${ROUNDS:-5}" -d "${SECONDS_EACH:-0.3}")
[[ ${1:-} == bench-quick ]] && arguments+=(--quick)
[[ -n ${WORKLOADS:-} ]] && arguments+=(--workloads "$WORKLOADS")
libraries=$(compared_libraries) || exit
mapfile -t libraries <<<"$libraries"
"$HAKBENCH" compare "${arguments[@]}" "${libraries[@]}"
status=$?
[[ $status == 0 || $status == 4 && -s $OUT/bench/report.md ]] || exit $status
cat "$OUT/bench/report.md"
echo "kept in $OUT/bench: report.md, results.json, speed.svg, rss.svg"
report_all
exit $status
