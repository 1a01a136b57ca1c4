#!/bin/bash
# SPDX-License-Identifier: MIT
# hakprobe ends well when its target exits, is killed, or executes another program.
. tests/probe/common.bash

watch() {
	rm -f "$dir/view" # of the watch before
	"$hakprobe" -p "$target" 0.2 >"$dir/view" 2>"$dir/view.err" 8>&- 9>&- &
	watcher=$!
	pids+=("$watcher")
	wait_until "a report" grep -q 'our cost' "$dir/view"
}

finish() {
	wait_until "hakprobe to end" ended "$watcher"
	wait "$watcher" || fail "$1: hakprobe exits with $?"
	grep -q "$2" "$dir/view.err" || fail "$1: '$2' is not said"
	grep -q '== summary' "$dir/view" || fail "$1: no summary"
}

start exits "$OUT/tests/probe/exact_target" 20
need_bpf
watch
tell go
hear "done"
exec 8>&-
wait "$target" || fail "the target exited with $?"
finish exit "process $target has ended"
grep -q 'process   200 M mallocs and 200 M frees' "$dir/view" || fail "the last figures are not complete"

start killed "$OUT/tests/probe/exact_target" 400
watch
tell go
sleep 0.5
{ kill -9 "$target" && wait "$target"; } 2>/dev/null
finish kill "process $target has ended"

start replaced bash -c 'read -r; x=$(seq 1000); unset LD_PRELOAD; exec sleep 1000'
watch
tell go
finish exec "process $target now runs another program"
kill -0 "$target" || fail "the target has died"
echo "the target's exit, death and exec each end the watch with a summary and exit 0"
