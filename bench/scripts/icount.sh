#!/bin/bash
# SPDX-License-Identifier: MIT
# Instructions and branches per operation, by callgrind: deterministic, so that a single
# instruction more is seen. docs/lab.md explains the columns.
#   bench/scripts/icount.sh             hakmem and its peers, all workloads, then hakmem's gate; out/icount/
#                               keeps the tables, the costliest functions and annotated listings
#   bench/scripts/icount.sh --gate      hakmem alone, against bench/budget.txt and the ceilings below
#   bench/scripts/icount.sh --budget    hakmem alone, as bench/budget.txt wants it
# LIBRARY: another build of libhakmem to measure. ALLOCATORS: which ones, hakmem first.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=bench/scripts/lib.sh
. bench/scripts/lib.sh

# What the hot path may never cost, whatever the budget says.
CEILING_MALLOC_HIT=13
CEILING_FREE_HIT=15
CEILING_MIXED=16
SLACK=0.05 # worse than the budget by more than this fails
BUDGET=bench/budget.txt
ALLOCATORS=${ALLOCATORS:-$PEERS}
BUDGETED="mixed c6 c7 tiny calloc realloc"
ALL="$BUDGETED large larson threads churn" # these depend a little on addresses or time

HAKMEM=$(realpath "${LIBRARY:-$HAKMEM}")
[[ -f $HAKMEM && -x $HAKBENCH ]] || die "$HAKMEM or $HAKBENCH is missing: make it first"
command -v valgrind >/dev/null || die "valgrind is missing: make deps"
make_work

operations() { # of the shorter run; the longer one does twice as many
	case $1 in
	realloc) echo 4000 ;; # most of it copies
	large | threads) echo 20000 ;;
	churn) echo 3145728 ;; # all its phases
	*) echo 200000 ;;
	esac
}

# hit_costs LIBRARY: NAME INSTRUCTIONS for malloc and for free, one line each. Six runs, each with
# one malloc and one free more than the one before.
hit_costs() {
	local files=() i
	for i in 0 1 2 3 4 5; do
		callgrind_run "$WORK/hit.$i" "$1" hit -n $((1000 + 2 * i))
		files+=("$WORK/hit.$i")
	done
	bench/scripts/callgrind.py hit "${files[@]}"
}

# pair NAME LIBRARY WORKLOAD: two runs, of n and 2 n operations, side by side.
pair() {
	local n first
	n=$(operations "$3")
	callgrind_run "$WORK/$1.$3.a" "$2" "$3" -n "$n" &
	first=$!
	(callgrind_run "$WORK/$1.$3.b" "$2" "$3" -n $((2 * n))) && wait $first || exit 1
}

# counts NAME LIBRARY WORKLOAD: ZONE INSTRUCTIONS BRANCHES
counts() {
	bench/scripts/callgrind.py split "$WORK/$1.$3.a" "$WORK/$1.$3.b" "$(operations "$3")" "$2"
}

# budgeted WORKLOAD: the zones that are ours. What libc executes in memset and memcpy is another
# function on another processor.
budgeted() {
	awk -v w="$1" '$1 == "wrapper" || $1 == "cold" { printf "%s.%s %.2f %.2f\n", w, $1, $2, $3 }'
}

# hakmem_counts: NAME INSTRUCTIONS BRANCHES, a line for each line of the budget.
hakmem_counts() {
	local workload hits
	hits=$(hit_costs "$HAKMEM") || exit 1
	awk '{ print NR == 1 ? "malloc.hit" : "free.hit", $2 ".00", "-" }' <<<"$hits"
	for workload in $BUDGETED; do
		pair hakmem "$HAKMEM" "$workload"
		counts hakmem "$HAKMEM" "$workload" |
			budgeted "$workload"
	done
}

# gate FILE: the counts against the budget and the ceilings.
gate() {
	awk -v slack=$SLACK -v malloc=$CEILING_MALLOC_HIT -v free=$CEILING_FREE_HIT -v mixed=$CEILING_MIXED '
		function complain(text) { print "icount: GATE: " text; bad = 1 }
		function check(name, what, have, budget) {
			if (have == "-" || budget == "-") return
			if (have - budget > slack + 1e-9)
				complain(sprintf("%s: %.2f %s per operation, budget %.2f", name, have, what, budget))
			else if (budget - have > slack + 1e-9) better++
		}
		/^#/ || !NF { next }
		NR == FNR { i[$1] = $2; b[$1] = $3; next }
		{
			have[$1] = $2
			lines++
			if (!($1 in i)) complain($1 " is not in the budget")
			check($1, "instructions", $2, i[$1]); check($1, "branches", $3, b[$1])
			delete b[$1]
		}
		END {
			mixed_inside = have["mixed.wrapper"] + have["mixed.cold"]
			for (name in b) complain(name " is in the budget, but was not measured")
			if (have["malloc.hit"] > malloc) complain("malloc hit is above " malloc)
			if (have["free.hit"] > free) complain("free hit is above " free)
			if (mixed_inside > mixed) complain("mixed is above " mixed)
			if (bad) exit 1
			if (better) print "icount: " better " figures are better than the budget: make icount-budget"
			printf "icount: gate passed: %d lines within %.2f of the budget;", lines, slack
			printf " malloc hit %d <= %d, free hit %d <= %d, mixed %.2f <= %d instructions\n", have["malloc.hit"],
				malloc, have["free.hit"], free, mixed_inside, mixed
		}' $BUDGET "$1"
}

case ${1:-} in
--gate)
	hakmem_counts >"$WORK/counts" || exit 1
	gate "$WORK/counts"
	exit
	;;
--budget)
	cat <<-'HEAD'
		# Instructions and branches per operation of libhakmem, by callgrind (bench/scripts/icount.sh; docs/lab.md).
		# A change that makes a line worse by more than 0.05 fails `make icount-gate`; a change that is
		# worth it comes with a new budget (`make icount-budget`) and says why.
	HEAD
	hakmem_counts
	exit
	;;
esac

# --- the whole picture ----------------------------------------------------------------------------

KEPT=$OUT/icount
rm -rf "$KEPT"
mkdir -p "$KEPT" || exit 1
say() { tee -a "$KEPT/icount.txt"; }

say <<'TABLE'
Instructions (i) and branches (b) by callgrind. hit: one call served by the thread's cache, ret included.
Per operation: inside = wrapper (the entry points themselves) + cold (the rest of the allocator) +
libc; loop: hakbench's own.

                   hit, i
allocator      malloc   free
TABLE
for name in $ALLOCATORS; do
	library=$(peer_library "$name")
	[[ -n $library ]] || { echo "$name: not installed" | say; continue; }
	hits=$(hit_costs "$library") || exit 1
	awk -v name="$name" '{ cost[NR] = $2 } END { printf "%-13s %7d %6d\n", name, cost[1], cost[2] }' <<<"$hits" | say
	[[ $name == hakmem ]] && awk '{ print NR == 1 ? "malloc.hit" : "free.hit", $2 ".00", "-" }' <<<"$hits" >"$WORK/counts"
done

say <<'TABLE'

                          instructions per operation                 branches per operation
workload  allocator   inside wrapper    cold    libc    loop    inside wrapper   cold   libc   loop
TABLE
for workload in $ALL; do
	for name in $ALLOCATORS; do
		library=$(peer_library "$name")
		[[ -n $library ]] || continue
		pair "$name" "$library" "$workload"
		counts "$name" "$library" "$workload" >"$WORK/row" || exit 1
		awk -v w="$workload" -v name="$name" '{ i[$1] = $2; b[$1] = $3 }
			END {
				printf "%-9s %-10s %7.2f %7.2f %7.2f %7.2f %7.2f   %7.2f %7.2f %6.2f %6.2f %6.2f\n", w, name, i["inside"],
					i["wrapper"], i["cold"], i["libc"], i["loop"], b["inside"], b["wrapper"], b["cold"],
					b["libc"], b["loop"]
			}' "$WORK/row" | say
		{
			echo "$workload, $name: the ten costliest functions, per operation: instructions, branches"
			bench/scripts/callgrind.py top "$WORK/$name.$workload.a" "$WORK/$name.$workload.b" "$(operations "$workload")"
			echo
		} >>"$KEPT/costliest.txt"
		[[ $name == hakmem && " $BUDGETED " == *" $workload "* ]] &&
			budgeted "$workload" <"$WORK/row" >>"$WORK/counts"
		functions=(malloc free)
		[[ $workload == calloc ]] && functions+=(calloc)
		[[ $workload == realloc ]] && functions+=(realloc)
		[[ $name == hakmem ]] && bench/scripts/callgrind.py listing "$WORK/$name.$workload.a" "$WORK/$name.$workload.b" \
			"$(operations "$workload")" "$library" "${functions[@]}" >"$KEPT/listing-$workload.txt"
		rm -f "$WORK/$name.$workload".*
	done
done
{
	echo
	sed -n '/^mixed, hakmem/,/^$/p' "$KEPT/costliest.txt"
	echo "mixed, hakmem: the hot path"
	echo
	grep -v ' \.  *\.  ' "$KEPT/listing-mixed.txt"
} | say
echo "kept in $KEPT: icount.txt, costliest.txt (all workloads and allocators), listing-WORKLOAD.txt"
gate "$WORK/counts"
