#!/bin/bash
# SPDX-License-Identifier: MIT
# Instructions that real programs spend in their allocator, per call of malloc, free, realloc, …, the cold
# path and the start included, by callgrind: hakmem and its peers, one program at a time.
#   bench/scripts/icount_programs.sh     SCALE (0.2) of the work; PROGRAMS: only these; ALLOCATORS, which
# Results in out/bench/icount/: programs.md, programs.tsv, and NAME.ALLOCATOR with a line per function.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=bench/scripts/lib.sh
. bench/scripts/lib.sh
# shellcheck source=bench/scripts/programs_lib.sh
. bench/scripts/programs_lib.sh
command -v valgrind >/dev/null || die "valgrind is missing: make deps"
make_work
KEPT=$OUT/bench/icount
mkdir -p "$KEPT" || exit 1
ALLOCATORS=${ALLOCATORS:-$PEERS}

# A program runs some fifty times slower here. Allocators that give memory back by the clock would do so
# fifty times as often per operation: their times are made longer by as much.
SLOWED=(HAKMEM_PURGE_MS=50000 MIMALLOC_RESET_DELAY=5000 MALLOC_CONF=dirty_decay_ms:500000)

# count NAME ALLOCATOR LIBRARY COMMAND: appends NAME ALLOCATOR CALLS INSIDE OWN to the table.
count() {
	local name=$1 allocator=$2 library=$3 words settings=() preload=()
	read -ra words <<<"$4"
	if [[ ${words[0]} == env ]]; then
		words=("${words[@]:1}")
		while [[ ${words[0]} == *=* ]]; do
			settings+=("${words[0]}")
			words=("${words[@]:1}")
		done
	fi
	[[ $library == */libc.so.6 ]] || preload=("LD_PRELOAD=$library")
	env -i PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C LD_BIND_NOW=1 "${SLOWED[@]}" "${settings[@]}" "${preload[@]}" "${FIXED_ADDRESSES[@]}" \
		valgrind --tool=callgrind --callgrind-out-file="$WORK/$name.$allocator" \
		"${words[@]}" </dev/null >/dev/null 2>"$WORK/$name.$allocator.log" ||
		die "$name with $allocator: $(tail -n 5 "$WORK/$name.$allocator.log")"
	bench/scripts/callgrind.py calls-in "$WORK/$name.$allocator" "$library" >"$KEPT/$name.$allocator" ||
		die "$name does not call $library"
	read -ra words <"$KEPT/$name.$allocator"
	printf '%s\t%s\t%s\t%s\t%s\n' "$name" "$allocator" "${words[@]}" >>"$WORK/table"
	rm -f "$WORK/$name.$allocator"
	echo "$name, $allocator: ${words[0]} calls, ${words[1]} instructions" >&2
}

# table TITLE COLUMN: per call, and the geometric mean over the programs that have a figure.
table() {
	awk -F'\t' -v title="$1" -v column="$2" '
		!($1 in seen) { seen[$1]; program[++programs] = $1; calls[$1] = $3 }
		!($2 in known) { known[$2]; allocator[++allocators] = $2 }
		$column != "-" { cost[$1, $2] = $column / $3 }
		END {
			printf "%s\n\n| program | calls |", title
			for (a = 1; a <= allocators; a++) printf " %s |", allocator[a]
			printf " best peer | hakmem to it |\n|---|---:|"
			for (a = 1; a <= allocators; a++) printf "---:|"
			printf "---|---:|\n"
			for (p = 1; p <= programs; p++) {
				name = program[p]; best = ""
				printf "| %s | %d |", name, calls[name]
				for (a = 1; a <= allocators; a++) {
					if (!((name, allocator[a]) in cost)) { printf " - |"; continue }
					c = cost[name, allocator[a]]
					sum[a] += log(c); count[a]++
					printf " %.2f |", c
					if (a > 1 && (best == "" || c < cost[name, best])) best = allocator[a]
				}
				if (best != "") printf " %s | %.2f |\n", best, cost[name, allocator[1]] / cost[name, best]
				else print " - | - |"
			}
			printf "| geometric mean | |"
			for (a = 1; a <= allocators; a++) if (count[a]) printf " %.2f |", exp(sum[a] / count[a]); else printf " - |"
			print " | |\n"
		}' "$WORK/table"
}

programs "$WORK" "${SCALE:-0.2}" >"$WORK/programs"
: >"$WORK/table"
while read -r name command; do
	[[ -n ${PROGRAMS:-} && " $PROGRAMS " != *" $name "* ]] && continue
	for allocator in $ALLOCATORS; do
		library=$(peer_library "$allocator")
		[[ -n $library ]] || { echo "$allocator is not installed, left out" >&2; continue; }
		count "$name" "$allocator" "$library" "$command"
	done
done <"$WORK/programs"
cp "$WORK/table" "$KEPT/programs.tsv"
{
	echo "# Instructions in the allocator per external call, real programs"
	echo
	table "With all that the allocator calls (memset of calloc, memcpy of realloc):" 4
	table "The allocator's own code alone (of glibc not known: it has one object with the rest of libc):" 5
} | tee "$KEPT/programs.md"
echo "kept in $KEPT: programs.md, programs.tsv, and what each function cost"
