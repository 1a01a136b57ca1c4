#!/bin/bash
# SPDX-License-Identifier: MIT
# hakprobe's figures are exact: attached before, during and after a known number of operations, and
# from tallies alone.
. tests/probe/common.bash
program=$OUT/tests/probe/exact_target

# watch NAME OPTIONS...: hakprobe in the background; sets `watcher`.
watch() {
	local name=$1
	shift
	"$hakprobe" -p "$target" --json "$@" 0.2 >"$dir/$name.json" 2>"$dir/$name.err" 8>&- 9>&- &
	watcher=$!
	pids+=("$watcher")
}

# finish NAME LAPS: two more readings, Ctrl-C, exit 0, and the figures.
finish() {
	local name=$1 laps=$2
	wait_until "two more readings" lines "$dir/$name.json" $(($(wc -l <"$dir/$name.json") + 2))
	kill -INT "$watcher"
	wait "$watcher" || fail "hakprobe exited with $? after Ctrl-C"
	python3 tests/probe/exact.py "$dir/$name.json" "$laps" >"$dir/verdict" 2>&1 ||
		fail "$name: $(cat "$dir/verdict")"
	echo "$name: $(cat "$dir/verdict")"
}

stop_target() {
	exec 8>&- # its stdin ends
	wait "$target" || fail "the target exited with $?"
	exec 9<&-
}

start before "$program" 1
need_bpf
watch before
wait_until "the first reading" lines "$dir/before.json" 1
tell go
hear "done"
finish before 1
watch after
finish after 1
stop_target

start during "$program" 40
tell go
watch during
hear "done"
lines "$dir/during.json" 1 || echo "note: the work was over before the first reading"
finish during 40
stop_target

start tallies "$program" 4
watch tallies --no-read
wait_until "the attach" grep -q attached "$dir/tallies.err"
tell go
hear "done"
wait_until "the first reading" lines "$dir/tallies.json" 1
finish tallies 4
stop_target

echo "exact before, during and after the work, and from tallies alone: $(cat "$dir/verdict")"
