#!/bin/bash
# SPDX-License-Identifier: MIT
# Misuse: what the allocator notices it reports in one line, and the process ends with SIGABRT.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

make_work

# run CASE [SETTING]: leaves its stderr in $WORK/err and its exit status in STATUS. A subshell inside
# braces, because the shell that waits says "Aborted" on its own stderr.
run() {
	{
		(ulimit -c 0; exec env LD_PRELOAD="$HAKMEM" "${2:-HAKMEM_FASTLANE_DIRECT=1}" "$PROGRAMS/misuse" "$1" \
			>"$WORK/out" 2>"$WORK/err")
		STATUS=$?
	} 2>/dev/null
}

# dies CASE PATTERN [SETTING]: SIGABRT, and stderr is one line that matches.
dies() {
	local what="$1 (${3:-fast mode})"
	run "$1" "${@:3}"
	cases=$((cases + 1))
	if [[ $STATUS != 134 ]]; then
		wrong "$what: exit $STATUS, expected 134 (SIGABRT); it said: $(cat "$WORK/err")"
	elif [[ $(wc -l <"$WORK/err") != 1 ]]; then
		wrong "$what: not one line: $(cat "$WORK/err")"
	elif ! grep -qE "$2" "$WORK/err"; then
		wrong "$what: $(cat "$WORK/err")"
	fi
}

wrongs=0
wrong() {
	echo "$*"
	wrongs=$((wrongs + 1))
}

cases=0
checked=HAKMEM_FASTLANE_DIRECT=0 secure=HAKMEM_PROFILE=secure
address='0x[0-9a-f]+'
for mode in $checked $secure; do
	dies double-free "^hakmem: double free of $address \(size class [0-9]+\)$" $mode
	dies double-free-later "^hakmem: double free of $address \(size class [0-9]+\)$" $mode
	dies free-interior "^hakmem: free of an address that is not the start of a block: $address" $mode
	dies free-misaligned "^hakmem: free of an address that is not the start of a block: $address" $mode
	dies realloc-freed "^hakmem: .*$address" $mode
done
not_handed_out="^hakmem: (double free of|free of memory that is not allocated:|free of an address that is not the start of a block:) $address"
for mode in HAKMEM_FASTLANE_DIRECT=1 $checked $secure; do
	if [[ $mode != "$secure" ]]; then # there it is as with huge ones
		dies free-large-twice "$not_handed_out" "$mode"
		dies free-large-interior "$not_handed_out" "$mode"
	fi
	# The block's whole span may have gone back already, so that this is not a block any more.
	dies double-free-flushed "$not_handed_out" "$mode"
done
# Not ours: glibc gets it, and says in its own words that it is not glibc's either. A huge block's
# mapping is gone, so that it is glibc which trips over it.
for mode in HAKMEM_FASTLANE_DIRECT=1 $checked $secure; do
	dies free-stack '^(free|munmap_chunk)\(\): invalid (pointer|size)' "$mode"
	for name in free-huge-twice free-huge-interior free-large-twice free-large-interior; do
		run $name "$mode"
		((STATUS == 134 || STATUS == 139)) || wrong "$name ($mode): exit $STATUS, not noticed"
		cases=$((cases + 1))
	done
done
for mode in HAKMEM_FASTLANE_DIRECT=1 $checked $secure; do
	run nothing-wrong "$mode"
	[[ $STATUS == 42 ]] || wrong "correct use ($mode): exit $STATUS: $(cat "$WORK/err")"
done
# A handler of SIGABRT may allocate, whatever the thread was in the middle of.
handles() { # KIND SETTING
	local rc
	timeout 30 env LD_PRELOAD="$HAKMEM" "$2" "$PROGRAMS/aborting" "$1" >"$WORK/out" 2>"$WORK/err"
	rc=$?
	cases=$((cases + 1))
	((rc == 7)) || wrong "a handler that allocates ($1, $2): exit $rc"
}
for mode in HAKMEM_FASTLANE_DIRECT=1 $checked $secure HAKMEM_PROFILE=lean HAKMEM_GUARD=5; do
	handles double-free "$mode"
done
handles after-free $secure
((wrongs == 0)) || fail "$wrongs of $cases cases"
echo "$cases cases of misuse end the process, those that libhakmem can know with one line; correct use does not"
