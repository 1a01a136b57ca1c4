#!/bin/bash
# SPDX-License-Identifier: MIT
# HAKMEM_GUARD: what is done to a guarded block that must not be done is reported in one line, exactly,
# and the process ends; faults that have nothing to do with guarded blocks take their usual course.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

make_work

wrongs=0
wrong() {
	echo "$*"
	wrongs=$((wrongs + 1))
}

# run CASE [SETTING...]: its output is in $WORK/out and $WORK/err, its exit status in STATUS.
run() {
	{
		(ulimit -c 0; exec env LD_PRELOAD="$HAKMEM" HAKMEM_GUARD=1 "${@:2}" "$PROGRAMS/guard" "$1" \
			>"$WORK/out" 2>"$WORK/err")
		STATUS=$?
	} 2>/dev/null
	cases=$((cases + 1))
}

# reported STATUS CASE: it ends so, and stderr is one line, which begins as the program said.
reported() {
	run "$2"
	if [[ $STATUS != "$1" ]]; then
		wrong "$2: exit $STATUS, expected $1; it said: $(cat "$WORK/err")"
	elif [[ $(wc -l <"$WORK/err") != 1 ]]; then
		wrong "$2: not one line: $(cat "$WORK/err")"
	elif ! grep -qE "^$(sed 's/[()]/\\&/g' "$WORK/out")" "$WORK/err"; then
		wrong "$2: it said \"$(cat "$WORK/err")\", expected was \"$(cat "$WORK/out")\""
	fi
}

# silent STATUS CASE [SETTING...]: it ends so, and nothing is reported.
silent() {
	run "${@:2}"
	[[ $STATUS == "$1" && ! -s $WORK/err ]] || wrong "${*:2}: exit $STATUS, expected $1; it said: $(cat "$WORK/err")"
}

cases=0
segv=139 abort=134
for name in overflow-{write,read,far} underflow-read use-after-free-{read,late,elsewhere,on-small-stack} use-after-realloc in-forked-child; do
	reported $segv $name
done
for name in overflow-{padding,of-nothing,in-page} underflow-in-page double-free free-interior realloc-freed; do
	reported $abort $name
done

# Who allocated and freed it, by name.
run use-after-free-read
mapfile -t callers < <(grep -oE '\([^ ]+\+0x[0-9a-f]+\)' "$WORK/err" | tr -d '()' |
	while IFS=+ read -r object offset; do addr2line -f -e "$object" "$offset" | head -n 1; done)
[[ "${callers[*]}" == "make drop" ]] || wrong "the callers are ${callers[*]}: $(cat "$WORK/err")"

for name in null-pointer sent-signal; do silent $segv $name; done
silent 42 own-handler
trap '' SEGV # from here on the programs inherit that it is ignored
silent 42 sent-signal
silent $segv null-pointer
reported $segv overflow-write
trap - SEGV

for profile in speed lean secure; do
	for name in sizes more-than-slots threads; do silent 42 $name HAKMEM_PROFILE=$profile; done
done
silent 42 threads HAKMEM_GUARD=7
# Where nothing can be guarded that is said.
silent 42 threads HAKMEM_GUARD=0
silent 42 overflow-padding HAKMEM_GUARD=0
for setting in HAKMEM_FASTLANE_DIRECT=0 HAKMEM_FORCE_LIBC_ALLOC=1; do
	run threads $setting
	[[ $STATUS == 42 && $(cat "$WORK/err") == "hakmem: HAKMEM_GUARD has no effect in this mode" ]] ||
		wrong "threads $setting: exit $STATUS; it said: $(cat "$WORK/err")"
done
((wrongs == 0)) || fail "$wrongs of $cases cases"
echo "$cases cases: wrong use of guarded blocks is reported exactly, what is none of its business is left alone"
