#!/bin/bash
# SPDX-License-Identifier: MIT
# -c runs a program under libhakmem, watched from its first malloc, and exits with its status.
. tests/probe/common.bash

start target "$OUT/tests/probe/exact_target" 1
need_bpf
run() { # run STATUS NAME OPTIONS...
	local status=$1 name=$2 got
	shift 2
	"$hakprobe" "$@" >"$dir/$name" 2>"$dir/$name.err" </dev/null
	got=$?
	[[ $got == "$status" ]] || fail "exit $got instead of $status: $*"
}

run 0 exact --json 0.2 -c "$OUT/tests/probe/exact_target" 2
grep -v '^done$' "$dir/exact" >"$dir/exact.json"
grep -q '^done$' "$dir/exact" || fail "the program's output is missing"
python3 tests/probe/exact.py "$dir/exact.json" 2 >"$dir/verdict" 2>&1 || fail "$(cat "$dir/verdict")"
python3 - "$dir/exact.json" <<'END2' || fail "was not attached from the first malloc"
import json, sys
readings = [json.loads(line) for line in open(sys.argv[1])]
first, counted = readings[0], sum(r["interval"]["mallocs"] for r in readings)
before = first["totals"]["mallocs"] - first["interval"]["mallocs"]
assert before <= 1, f"{before} mallocs before the attach"
END2

run 7 status 0.1 -c sh -c 'exit 7'
run 143 signal 0.1 -c sh -c 'kill -TERM $$'
run 1 missing -c /no/such/program
grep -q 'cannot run /no/such/program: No such file' "$dir/missing.err" || fail "$(cat "$dir/missing.err")"
run 1 library --library /no/such/library -c true
# Options behind the command are the command's.
run 0 options 0.1 -c sh -c 'echo "$@"' sh -p 1 --help
grep -q -- '^-p 1 --help$' "$dir/options" || fail "the program's options: $(cat "$dir/options")"

"$hakprobe" 0.1 -c sh -c 'trap "exit 9" TERM; while :; do sleep 0.05; done' >"$dir/term" 2>"$dir/term.err" &
watcher=$!
pids+=("$watcher")
wait_until "the attach" grep -q 'attached to process' "$dir/term.err"
wait_until "a report" grep -q 'our cost' "$dir/term"
kill -TERM "$watcher"
wait "$watcher"
got=$?
[[ $got == 9 ]] || fail "SIGTERM is not passed on: exit $got"
echo "program watched from its first malloc: $(cat "$dir/verdict"); its status, signal and options are its own"
