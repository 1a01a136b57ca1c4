#!/bin/bash
# SPDX-License-Identifier: MIT
# The governor lowers what costs too much, says so, leaves alone what does not, and keeps estimates unbiased.
. tests/probe/common.bash

start busy "$OUT/tests/probe/exact_target" 4000
need_bpf
tell go
"$hakprobe" -p "$target" --hz 9999 --ceiling 0.05 --json 0.3 8 >"$dir/low.json" 2>"$dir/low.err" || fail "exits with $?"
"$hakprobe" -p "$target" --hz 999 --ceiling 100 --json 0.3 3 >"$dir/high.json" 2>"$dir/high.err" || fail "exits with $?"
{ kill -9 "$target" && wait "$target"; } 2>/dev/null

start flame "$OUT/tests/probe/flame_target"
"$hakprobe" -p "$target" --flame alloc -o "$dir/a.folded" --ceiling 0.2 --json 0.1 >"$dir/stacks.json" 2>"$dir/view.err" 8>&- 9>&- &
watcher=$!
pids+=("$watcher")
wait_until "the attach" grep -q attached "$dir/view.err"
tell go
hear "done"
kill -INT "$watcher"
wait "$watcher" || fail "hakprobe exited with $?"
nothing_lost "$dir/view.err"

python3 - "$dir" >"$dir/verdict" 2>&1 <<'END2' || fail "$(cat "$dir/verdict")"
import json, math, re, sys
directory = sys.argv[1]
low, high = ([json.loads(line)["governor"] for line in open(f"{directory}/{name}.json")] for name in ("low", "high"))
assert low[-1]["limiting"] and low[-1]["hz"] < 5000, low[-1]
assert all(g["ceiling_percent"] == 0.05 and g["budget_percent"] >= 0.05 for g in low[1:]), low
assert all(not g["limiting"] and g["hz"] >= 990 for g in high), high
said = open(f"{directory}/view.err").read()
samples = int(re.search(r"(\d+) sampled allocations", said).group(1))
left_out = re.search(r"(\d+) more were left out", said)
left_out = int(left_out.group(1)) if left_out else 0
assert left_out > 0, said
total = sum(int(line.rsplit(" ", 1)[1]) for line in open(f"{directory}/a.folded"))
true = 24000 // 4 * (200 + 1000 + 5000 + 20000) * 10
# What is kept with probability s weighs R / s: variance bytes * R / s, with the share and the mallocs of
# each interval. R is known on the average; the target doubles and halves it to stay below its rate.
readings = [json.loads(line) for line in open(f"{directory}/stacks.json")]
shares = [1] + [r["governor"]["stacks_share"] for r in readings]
mallocs = [r["interval"]["mallocs"] for r in readings]
error = math.sqrt(2 * sum(n / s for n, s in zip(mallocs, shares)) / sum(mallocs) / (samples + left_out))
assert abs(total / true - 1) < 6 * error + 0.01, f"{total / true - 1:+.1%} with {samples} samples, {error:.1%} expected"
print(f"9999 Hz held to {low[-1]['hz']} Hz; {samples} stacks kept, {left_out} left out, "
      f"{total / true - 1:+.1%} of the true bytes (standard error {error:.1%})")
END2
echo "governor: $(cat "$dir/verdict")"
