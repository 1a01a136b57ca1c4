#!/bin/bash
# SPDX-License-Identifier: MIT
# Several processes: -p A,B; and without -p every process on libhakmem, also those that start later.
. tests/probe/common.bash

start first "$OUT/tests/probe/exact_target" 4
need_bpf
first=$target
exec {first_in}>&8 {first_out}<&9
start second "$OUT/tests/probe/exact_target" 4
second=$target
exec {second_in}>&8 {second_out}<&9

"$hakprobe" -p "$first,$second" --json 0.2 3 >"$dir/two.json" 2>"$dir/two.err" || fail "-p A,B exits with $?"
"$hakprobe" -p "$first,$second" --flame alloc -o "$dir/x.folded" 0.2 1 >"$dir/two" 2>"$dir/two.err" || fail "-p A,B --flame exits with $?"
[[ $(grep -c '^target ' "$dir/two") == 2 && $(grep -c '^== summary' "$dir/two") == 2 ]] || fail "not two reports: $(cat "$dir/two")"
[[ -e $dir/x.$first.folded && -e $dir/x.$second.folded ]] || fail "no file for each process: $(ls "$dir")"

"$hakprobe" --json 0.3 >"$dir/all.json" 2>"$dir/all.err" 8>&- 9>&- &
watcher=$!
pids+=("$watcher")
reported() { grep -q "\"pid\":$1," "$dir/all.json"; }
wait_until "the first process" reported "$first"
wait_until "the second process" reported "$second"
start third "$OUT/tests/probe/exact_target" 4
wait_until "a process that starts later" reported "$target"
tell go
hear "done"
for fd in "$first_in" "$second_in"; do echo go >&"$fd"; done
for fd in "$first_out" "$second_out"; do read -r -t 120 line <&"$fd" && [[ $line == "done" ]] || fail "no done: $line"; done
wait_until "two more readings" lines "$dir/all.json" $(($(wc -l <"$dir/all.json") + 12))
exec 8>&-
wait "$target" || fail "the third exited with $?"
wait_until "its end to be told" grep -q "process $target has ended" "$dir/all.err"
kill -0 "$watcher" || fail "hakprobe ended with one of its processes"
kill -INT "$watcher"
wait "$watcher" || fail "hakprobe exited with $?"

python3 - "$dir/two.json" "$dir/all.json" "$first" "$second" "$target" >"$dir/verdict" 2>&1 <<'END2' || fail "$(cat "$dir/verdict")"
import json, sys
two, every = ([json.loads(line) for line in open(path)] for path in sys.argv[1:3])
first, second, third = map(int, sys.argv[3:])
assert [r["pid"] for r in two] == [first, second] * 3, [r["pid"] for r in two]
last = {r["pid"]: r for r in every}
# Class sizes 400 + 32 i: exact, see exact_target.c.
for pid in (first, second, third):
    work = sum(c["mallocs"] for c in last[pid]["classes"] if 400 <= c["size"] <= 400 + 32 * 19)
    assert work == 40_000_000, f"pid {pid}: {work} mallocs"
print(f"{len(last)} processes found, three of them exact to 40,000,000 mallocs each")
END2
echo "several processes: $(cat "$dir/verdict")"
