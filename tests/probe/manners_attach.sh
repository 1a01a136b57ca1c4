#!/bin/bash
# SPDX-License-Identifier: MIT
# Attaches and detaches again and again under load, every third time by kill -9: the target works on and
# exits 0, its counts are exact, its semaphores 0, and it has no more files or mappings than before.
# ROUNDS: 30, with STRESS=1 1000.
. tests/probe/common.bash
rounds=${ROUNDS:-$([[ ${STRESS:-0} == 1 ]] && echo 1000 || echo 30)}
semaphore() { python3 tests/probe/semaphore.py "$target" "$libhakmem" "$1" "$2"; }
is() { [[ $(semaphore "$1" "$2") == "$3" ]]; }
files() { find "/proc/$target/fd" -mindepth 1 | wc -l; }
# The kernel's page for what probes displace stays once it is there.
mappings() { grep -vc '\[uprobes\]' "/proc/$target/maps"; }

start target "$OUT/tests/probe/exact_target" 4000000
need_bpf
tell go
all_work() { [[ $(find "/proc/$target/task" -mindepth 1 -maxdepth 1 | wc -l) == 5 ]]; }
wait_until "the target's threads" all_work
# Once before counting: the first attach, and the first laps, may map something that stays.
"$hakprobe" -p "$target" --json --latency 0.5 1 >"$dir/round.json" 2>"$dir/round.err" || fail "exit $?"
files=$(files) mappings=$(mappings)
for ((round = 0; round < rounds; round++)); do
	if ((round % 3 == 2)); then
		rm -f "$dir/killed.err"
		"$hakprobe" -p "$target" --flame alloc -o "$dir/x.folded" 5 >/dev/null 2>"$dir/killed.err" 8>&- 9>&- &
		watcher=$!
		pids+=("$watcher")
		wait_until "the attach" grep -qs attached "$dir/killed.err"
		{ kill -9 "$watcher" && wait "$watcher"; } 2>/dev/null
		unset 'pids[-1]'
	else
		"$hakprobe" -p "$target" --json --latency 0.05 1 >"$dir/round.json" 2>"$dir/round.err" || fail "round $round: exit $?"
		nothing_lost "$dir/round.json"
	fi
	kill -0 "$target" || fail "the target has died in round $round"
done
for probe in hakmem:tally otel_memory:alloc hakmem:cold_begin hakmem:cold_end; do
	wait_until "$probe to be down" is "${probe%:*}" "${probe#*:}" 0
done
[[ $(files) == "$files" ]] || fail "the target had $files files and has $(files)"
(($(mappings) <= mappings + 8)) || fail "the target had $mappings mappings and has $(mappings)"
python3 - "$dir/round.json" <<'END2' || fail "counts do not add up"
import json, sys
(last,) = [json.loads(line) for line in open(sys.argv[1])]
for c in last["classes"]:
    assert c["mallocs"] == sum(c["routes"].values()) and c["mallocs"] >= c["frees"] - 1, c
END2
echo "$rounds times attached and detached under load, a third of them by kill -9: nothing lost, nothing left behind"
