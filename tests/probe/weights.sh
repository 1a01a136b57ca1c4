#!/bin/bash
# SPDX-License-Identifier: MIT
# The weights of sampled allocations add up to what was allocated, as a whole and by caller. The sampler
# takes at most 250 samples a second and thread, so precision takes threads and time: GB (4) SECONDS (4) make the
# run, ERRORS (5) how many standard errors a sum may be off. `make weights`: 100 GB in 60 s, where the
# total must be within 1 % and each caller within 3 standard errors.
. tests/probe/common.bash
gb=${GB:-4} seconds=${SECONDS_WANTED:-4} errors=${ERRORS:-5} percent=${PERCENT:-100}

start target "$OUT/tests/probe/weights_target" "$gb" "$seconds"
need_bpf
# The ceiling would leave stacks out, which costs precision and nothing else.
"$hakprobe" -p "$target" --flame alloc --ceiling 100 -o "$dir/w.folded" 1 >"$dir/view" 2>"$dir/view.err" 8>&- 9>&- &
watcher=$!
pids+=("$watcher")
wait_until "the attach" grep -qs attached "$dir/view.err"
tell go
while read -r -t 300 line <&9 && [[ $line != "done" ]]; do echo "$line"; done >"$dir/true"
[[ $line == "done" ]] || fail "the target has not finished"
kill -INT "$watcher"
wait "$watcher" || fail "hakprobe exits with $?"

python3 - "$dir/w.folded" "$dir/true" "$dir/view.err" "$errors" "$percent" >"$dir/verdict" 2>&1 <<'END2' || fail "$(cat "$dir/verdict")"
import math, re, sys
true = {name: int(count) for name, count in (line.split() for line in open(sys.argv[2]))}
estimate = dict.fromkeys(true, 0)
for line in open(sys.argv[1]):
    stack, value = line.rsplit(" ", 1)
    for name in set(stack.split(";")) & set(true):
        estimate[name] += int(value)
told = open(sys.argv[3]).read()
samples, lost = map(int, re.search(r"(\d+) sampled allocations .* (\d+) samples were lost", told).groups())
assert lost == 0, told
errors, percent = float(sys.argv[4]), float(sys.argv[5])
whole, got = sum(true.values()), sum(estimate.values())
each = got / samples  # bytes that a sample stands for
# A sum of n weights of about the same size is off by its n-th root; a tenth more, as they differ somewhat.
def error(bytes_): return 1.1 * math.sqrt(bytes_ * each)
print(f"{'caller':>8} {'true bytes':>16} {'estimate':>16} {'off':>8} {'standard errors':>16}")
bad = []
for name, count in [*true.items(), ("total", whole)]:
    value = got if name == "total" else estimate[name]
    off, sigmas = value / count - 1, (value - count) / error(count)
    print(f"{name:>8} {count:16} {value:16} {off:+8.2%} {sigmas:16.2f}")
    if abs(sigmas) > errors or (name == "total" and abs(off) > percent / 100):
        bad.append(name)
print(f"{samples} samples of {whole / 1e9:.1f} GB: total {got / whole - 1:+.2%}, each caller within {errors:g} standard errors")
sys.exit(f"too far off: {', '.join(bad)}" if bad else 0)
END2
tell end
cat "$dir/verdict"
