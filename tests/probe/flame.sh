#!/bin/bash
# SPDX-License-Identifier: MIT
# --flame alloc of a program without frame pointers: its call paths with their shares of the bytes.
. tests/probe/common.bash

start target "$OUT/tests/probe/flame_target"
need_bpf
"$hakprobe" -p "$target" --ceiling 100 --flame alloc -o "$dir/a.folded" -o "$dir/a.svg" -o "$dir/a.hak" 0.5 >"$dir/view" \
	2>"$dir/view.err" 8>&- 9>&- &
watcher=$!
pids+=("$watcher")
wait_until "the attach" grep -q attached "$dir/view.err"
tell go
hear "done"
kill -INT "$watcher"
wait "$watcher" || fail "hakprobe exited with $?"
nothing_lost "$dir/view.err"
grep -q ' 0 stacks are truncated, ' "$dir/view.err" || fail "$(cat "$dir/view.err")"
grep -q '</svg>' "$dir/a.svg" || fail "a.svg is no SVG"

python3 - "$dir/a.folded" "$dir/view.err" "$dir/a.hak" >"$dir/verdict" 2>&1 <<'END' || fail "$(cat "$dir/verdict")"
import math, re, sys
sys.path.insert(0, "tests/probe")
import capture
folded = [line.rstrip("\n").rsplit(" ", 1) for line in open(sys.argv[1])]
samples = int(re.search(r"(\d+) sampled allocations", open(sys.argv[2]).read()).group(1))
assert samples > 500, f"only {samples} samples"
rounds = 24000
true_total = rounds // 4 * (200 + 1000 + 5000 + 20000) * 10
shares = {"main;gather;heavy;malloc": 0.6, "main;gather;medium;calloc": 0.3, "main;light;malloc": 0.1}
weight = dict.fromkeys(shares, 0)
other = 0
for stack, value in folded:
    assert "[truncated]" not in stack, stack
    for path in shares:
        if stack.endswith(";" + path):
            assert stack.startswith("_start;"), stack
            weight[path] += int(value)
            break
    else:
        other += int(value)
        assert "stdio" in stack or int(value) < 0.01 * true_total, f"unknown stack {stack} {value}"
total = sum(weight.values())
# Six standard errors, and one magazine a class for the start.
error = math.sqrt(capture.variance(sys.argv[3])) / true_total
assert abs(total / true_total - 1) < 6 * error + 0.01, f"{total} bytes estimated, {true_total} allocated ({samples} samples)"
for path, share in shares.items():
    got = weight[path] / total
    assert abs(got - share) < 6 * math.sqrt(share) * error + 0.01, f"{path}: {got:.3f} instead of {share}"
print(f"{samples} samples: {total / true_total - 1:+.2%} of the true bytes; "
      + ", ".join(f"{p} {weight[p] / total:.3f} ({s})" for p, s in shares.items()))
END
echo "flame graph: $(cat "$dir/verdict")"
