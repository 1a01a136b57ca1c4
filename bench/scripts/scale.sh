#!/bin/bash
# SPDX-License-Identifier: MIT
# Does the cost of an operation grow with the heap, or with the number of threads?
#   bench/scripts/scale.sh               LIVE (1000 to 10000000) blocks, THREADS (1 to 64), ROUNDS (3)
# 1. instructions per operation in the allocator, by callgrind, with 10^3 to 10^7 live blocks (tiny): these
#    must stay flat. Ours fails when the most is more than a tenth over the least.
# 2. CPU time of the same, cache misses included: the application's own, as it picks blocks at random.
# 3. CPU time per operation with 1 to 64 threads.
# Results in out/bench/scale/: instructions.md, report.md, results of each run.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=bench/scripts/lib.sh
. bench/scripts/lib.sh
command -v valgrind >/dev/null || die "valgrind is missing: make deps"
make_work
KEPT=$OUT/bench/scale
rm -rf "$KEPT"
mkdir -p "$KEPT" || exit 1
live=${LIVE:-1000 10000 100000 1000000 10000000}
threads=${THREADS:-1,2,4,8,16,32,64}
OPS=500000 # of the shorter run

# inside NAME LIBRARY LIVE: instructions per operation inside the allocator. Half of the slots are full. Only the
# loop is counted: freeing all at the end costs more the longer the heap was stirred, and would not cancel.
inside() {
	local first counting="--tool=callgrind --toggle-collect=malloc_run"
	valgrind_run "$WORK/$1.1" "$2" "$counting --callgrind-out-file=$WORK/$1.1" tiny --slots $((2 * $3)) -n $OPS &
	first=$!
	(valgrind_run "$WORK/$1.2" "$2" "$counting --callgrind-out-file=$WORK/$1.2" tiny --slots $((2 * $3)) -n $((2 * OPS))) &&
		wait $first || exit 1
	bench/scripts/callgrind.py split "$WORK/$1.1" "$WORK/$1.2" $OPS "$2" | awk '$1 == "inside" { print $2 }'
}

instructions() {
	local name library blocks count least most
	printf '| allocator |'
	printf ' %s live |' $live
	printf ' most / least |\n|---|'
	printf -- '---:|%.0s' $live
	printf -- '---:|\n'
	for name in ${ALLOCATORS:-$PEERS}; do
		library=$(peer_library "$name")
		[[ -n $library ]] || continue
		printf '| %s |' "$name"
		for blocks in $live; do
			count=$(inside "$name" "$library" "$blocks") || exit 1
			printf ' %.2f |' "$count"
			echo "$count" >>"$WORK/$name.counts"
		done
		read -r least most < <(sort -g "$WORK/$name.counts" | sed -n '1p;$p' | paste -sd' ')
		awk -v least="$least" -v most="$most" 'BEGIN { printf " %.2f |\n", most / least }'
	done
}

echo "Instructions per operation in the allocator, tiny:"
echo
instructions | tee "$KEPT/instructions.md"
((PIPESTATUS[0] == 0)) || exit 1

libraries=$(compared_libraries) || exit
mapfile -t libraries <<<"$libraries"
results=() status=0
# timed NAME ARGUMENT...
timed() {
	local name=$1
	shift
	"$HAKBENCH" compare -r "${ROUNDS:-3}" "${libraries[@]}" "$@" -o "$KEPT/$name" || status=$?
	[[ -s $KEPT/$name/report.md ]] || exit $status
	results+=("$KEPT/$name/results.json")
}
for blocks in $live; do
	timed "live-$blocks" --workloads tiny --threads 1 --slots $((2 * blocks)) -d 0.5
done
timed threads --workloads mixed,larson,pc,xmalloc,scratch --threads "$threads" -d 0.2
"$HAKBENCH" report "${results[@]}" -o "$KEPT/report.md" || exit
echo
cat "$KEPT/report.md"
echo "kept in $KEPT: instructions.md, report.md"
sort -g "$WORK/hakmem.counts" | awk 'NR == 1 { least = $1 } { most = $1 } END {
	printf "scale: hakmem: %.2f to %.2f instructions per operation\n", least, most
	exit most > 1.1 * least
}' || { echo "scale: the cost grows with the heap"; exit 1; }
exit $status
