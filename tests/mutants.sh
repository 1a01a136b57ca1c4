#!/bin/bash
# SPDX-License-Identifier: MIT
# make mutants: each patch of tests/mutants/ plants a fault, and a test of `make test-alloc` must see it. The table of which test catches
# which goes to stdout, in Markdown; progress to stderr. Exit status 1 when a mutant survives, does not apply or does not build.
#
#   tests/mutants.sh [NAME...]     all, or those whose file names begin so; JOBS: 2
#
# A patch begins with `what:` (the fault in words), `kind:` (the part that it is planted in) and `test:`, the test that should catch it and is
# tried first: `units SUBSTRING` (unit tests so named), `secure SUBSTRING` (those of the build SECURE=1), `sim ARGUMENTS`,
# `torture [SETTING]`, or a script's path. Where that does not, some others are tried.
set -u
cd "$(dirname "$0")/.." || exit 1
OUT=${OUT:-out}
JOBS=${JOBS:-2}
ROOT=$OUT-mutants
export LC_ALL=C.UTF-8

say() { echo "$*" >&2; }
field() { sed -n "s/^$1: //p;/^---/q" "$2"; }

# make_here DIRECTORY: brings what the tests need up to date.
make_here() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$1" OUT=out "${TARGETS[@]}" >"$1/build.log" 2>&1
}

TARGETS=(out/libhakmem.so out/libhakmem.a out/tests/alloc_units out/tests/sim)

# A copy of the tree with what is built, times kept, so that only what a patch touches is built again.
copy_tree() {
	rm -rf "${1:?}"
	mkdir -p "$1" || exit 1
	cp -a "$ROOT/alloc" "$1/" && cp -a Makefile mk bench bpf docs tests tools vmlinux.h "$1/" && cp -a "$OUT" "$1/out" && make_here "$1" && return
	say "the copy does not build:"
	tail -n 20 "$1/build.log" >&2
	exit 1
}

# run_test DIRECTORY LIMIT TEST...: 0 when it passes or cannot tell; so many seconds it may take.
run_test() {
	local directory=$1 limit=$2 rc words
	shift 2
	case $1 in
	units) (cd "$directory" && HARNESS_VERBOSE=1 timeout "$limit" out/tests/alloc_units "${@:2}") ;;
	secure)
		(cd "$directory" && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s SECURE=1 OUT=out-secure out-secure/tests/alloc_units &&
			timeout "$limit" out-secure/tests/alloc_units "${@:2}")
		;;
	sim)
		read -ra words <<<"${*:2}"
		((${#words[@]})) || read -ra words <<<"$SIM"
		(cd "$directory" && timeout "$limit" out/tests/sim "${words[@]}")
		;;
	torture)
		(cd "$directory" && env "${@:2}" LD_PRELOAD="$PWD/out/libhakmem.so" timeout "$limit" out/tests/torture/torture --require libhakmem --seed 1 6)
		;;
	*.sh)
		[[ -x $1 ]] || { say "there is no $1"; exit 1; }
		(cd "$directory" && OUT=out timeout "$limit" "$1")
		;;
	esac >"$directory/test.log" 2>&1 </dev/null
	rc=$?
	((rc == 77)) && rc=0
	return $rc
}

# Fewer steps than `make test` has.
SIM="--seed 1 --seeds 25 --steps 4000 --jobs 1 --shrink 0"

# What else is tried where a mutant's own test has not seen it: what takes seconds. Who needs more is named in the patch.
OTHERS=(torture sim "torture HAKMEM_PURGE_MS=10" "units random" "units large" "units arena" "units stock"
	tests/preload/{api,threads,cxx,options}.sh)

# name_of TEST DIRECTORY: which test saw it, from what it said.
name_of() {
	local failed
	case $1 in
	units*)
		failed=$(sed -n 's/^FAIL  [^ ]*: //p' "$2/test.log" | head -n 1)
		echo "alloc_units: ${failed:-$(sed -n 's/^run   [^ ]*: //p' "$2/test.log" | tail -n 1) (dies)}"
		;;
	secure*) echo "secure.sh" ;;
	sim*) echo "simulator" ;;
	torture*) echo "torture.sh${1#torture}" ;;
	*) basename "$1" ;;
	esac
}

# try PATCH DIRECTORY: plants it there, and writes its row of the table.
try() {
	local patch=$1 directory=$2 name test words caught="" begin=$SECONDS
	name=$(basename "$patch" .patch)
	row() { echo "| $name | $(field what "$patch") | $(field kind "$patch") | $1 | $((SECONDS - begin)) |" >"$ROOT/$name.row"; }
	if ! patch -s -d "$directory" -p1 --no-backup-if-mismatch -r - <"$patch" >"$directory/patch.log" 2>&1; then
		row "**does not apply**"
		say "$name: does not apply: $(<"$directory/patch.log")"
		restore "$directory"
		return
	fi
	if make_here "$directory"; then
		while read -r test; do
			[[ -n $test ]] || continue
			read -ra words <<<"$test"
			run_test "$directory" $((20 + 5 * ${took[$test]:-40})) "${words[@]}" || { caught=$(name_of "$test" "$directory"); break; }
		done < <(field test "$patch"; printf '%s\n' "${OTHERS[@]}")
		row "${caught:-**survived**}"
		say "$name: ${caught:-SURVIVED} ($((SECONDS - begin)) s)"
	else
		row "**does not build**"
		say "$name: does not build: $(tail -n 5 "$directory/build.log")"
	fi
	restore "$directory"
}

# What was patched is as it was, and newer than what was made of it.
restore() {
	local file
	for file in "$ROOT"/alloc/*; do
		cmp -s "$file" "$1/alloc/$(basename "$file")" || cp "$file" "$1/alloc/"
	done
	rm -f "$1"/alloc/*.orig "$1"/alloc/*.rej
}

# All patches whose number is $1 modulo JOBS, one after the other.
worker() {
	local i directory=$ROOT/tree$1
	for ((i = $1; i < ${#patches[@]}; i += JOBS)); do try "${patches[i]}" "$directory"; done
}

patches=()
for name in "${@:-}"; do
	for file in tests/mutants/"$name"*.patch; do [[ -e $file ]] && patches+=("$file"); done
done
((${#patches[@]})) || { say "no such mutant"; exit 1; }
mkdir -p "$ROOT" && rm -f "$ROOT"/*.row
rm -rf "$ROOT/alloc" && cp -a alloc "$ROOT/alloc"
for ((i = 0; i < JOBS; i++)); do copy_tree "$ROOT/tree$i"; done

# A test that fails without a fault planted says nothing about one. How long it takes tells how long one that hangs is waited for.
mapfile -t tests < <({ printf '%s\n' "${OTHERS[@]}"; for patch in "${patches[@]}"; do field test "$patch"; done; } | sort -u)
check_tests() {
	local i words begin directory=$ROOT/tree$1
	for ((i = $1; i < ${#tests[@]}; i += JOBS)); do
		read -ra words <<<"${tests[i]}"
		begin=$SECONDS
		run_test "$directory" 900 "${words[@]}" ||
			{ say "fails without a mutant: ${tests[i]}"; tail -n 20 "$directory/test.log" >&2; echo failed >"$ROOT/failed"; }
		echo $((SECONDS - begin)) >"$ROOT/took.$i"
	done
}
rm -f "$ROOT/failed"
for ((i = 0; i < JOBS; i++)); do check_tests $i & done
wait
[[ -e $ROOT/failed ]] && exit 1
declare -A took
for ((i = 0; i < ${#tests[@]}; i++)); do took[${tests[i]}]=$(<"$ROOT/took.$i"); done
say "the tests that are expected to catch them pass without"

for ((i = 0; i < JOBS; i++)); do worker $i & done
wait
echo "| mutant | fault planted | in | caught by | seconds |"
echo "|---|---|---|---|---:|"
cat "$ROOT"/*.row
bad=$(cat "$ROOT"/*.row | grep -c '\*\*')
say "$((${#patches[@]} - bad)) of ${#patches[@]} mutants are caught"
((bad == 0))
