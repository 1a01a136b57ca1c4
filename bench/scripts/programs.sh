#!/bin/bash
# SPDX-License-Identifier: MIT
# Real programs under hakmem, glibc, mimalloc, jemalloc and tcmalloc (Debian's): user and system time and
# peak RSS of each, interleaved.
#   bench/scripts/programs.sh      BENCH_LIBS=NAME=PATH,... adds allocators; ROUNDS (7); SCALE (1) of the work
# Results in out/bench/programs/: report.md, results.json, speed.svg, rss.svg; together with those of
# make bench, if there are any, in out/bench/all/.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=bench/scripts/lib.sh
. bench/scripts/lib.sh
# shellcheck source=bench/scripts/programs_lib.sh
. bench/scripts/programs_lib.sh
make_work
KEPT=$OUT/bench/programs
mkdir -p "$KEPT"
rm -f "$KEPT/report.md"
scale=${SCALE:-1}
programs "$WORK" "$scale" >"$WORK/programs"
present redis redis-server && present redis redis-benchmark &&
	echo "redis $PWD/bench/programs/redis.sh $(awk -v scale="$scale" 'BEGIN { printf "%d", 40000 * scale }')" >>"$WORK/programs"
libraries=$(compared_libraries) || exit
mapfile -t libraries <<<"$libraries"
"$HAKBENCH" compare -o "$KEPT" -r "${ROUNDS:-7}" --programs "$WORK/programs" "${libraries[@]}"
status=$?
[[ $status == 0 || $status == 4 && -s $KEPT/report.md ]] || exit $status
cat "$KEPT/report.md"
echo "kept in $KEPT: report.md, results.json, speed.svg, rss.svg"
report_all
exit $status
