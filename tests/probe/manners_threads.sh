#!/bin/bash
# SPDX-License-Identifier: MIT
# Many threads at once, many short ones, and forks: the target is unharmed and the counts are exact, also
# where a burst of tallies has overflowed the ring, as records are cumulative.
# STRESS=1: a thousand threads, ten thousand short ones, a thousand forks.
. tests/probe/common.bash
if [[ ${STRESS:-0} == 1 ]]; then threads=1000 short=10000 forks=1000; else threads=300 short=2000 forks=100; fi
said=()

# try MODE COUNT THREADS: the process itself makes 100 mallocs of 1872 bytes in each of THREADS.
try() {
	local mode=$1 count=$2 own=$3
	start "$mode" "$OUT/tests/probe/manners_target" "$mode" "$count"
	[[ ${#said[@]} == 0 ]] && need_bpf
	"$hakprobe" -p "$target" --json --flame alloc -o "$dir/$mode.folded" 0.2 >"$dir/$mode.json" 2>"$dir/$mode.watch.err" 8>&- 9>&- &
	watcher=$!
	pids+=("$watcher")
	wait_until "the attach" grep -q attached "$dir/$mode.watch.err"
	tell go
	hear "done"
	wait_until "two more readings" lines "$dir/$mode.json" $(($(wc -l <"$dir/$mode.json") + 2))
	kill -INT "$watcher"
	wait "$watcher" || fail "$mode: hakprobe exits with $?"
	exec 8>&-
	wait "$target" || fail "$mode: the target exits with $?"
	exec 9<&-
	python3 - "$dir/$mode.json" $((100 * own)) >"$dir/verdict" 2>&1 <<'END2' || fail "$mode: $(cat "$dir/verdict")"
import json, sys
last = [json.loads(line) for line in open(sys.argv[1])][-1]
want = int(sys.argv[2])
sizes = sorted(c["size"] for c in last["classes"] if c["size"] >= 1872)
(record,) = [c for c in last["classes"] if c["size"] == sizes[0]]
assert record["mallocs"] == record["frees"] == want, (record["mallocs"], record["frees"], want)
print(last["probe"]["lost"])
END2
	said+=("$count $mode ($(cat "$dir/verdict") tallies lost)")
}

try threads "$threads" "$threads"
try short "$short" "$short"
try fork "$forks" 1 # children are not the process that is watched
echo "counts exact, targets exit 0: ${said[*]}"
