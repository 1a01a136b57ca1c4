#!/bin/bash
# SPDX-License-Identifier: MIT
# --flame cpu: the allocator's CPU time by caller, without a probe in the hot path; and what is not the
# allocator's is not there.
. tests/probe/common.bash

start target "$OUT/tests/probe/cpu_target"
need_bpf
# Longer where the target does not get the processor.
for seconds in 4 16 64; do
	"$hakprobe" -p "$target" --hz 999 --ceiling 100 --flame cpu -o "$dir/cpu.folded" -o "$dir/cpu.pb.gz" --json $seconds 1 \
		>"$dir/json" 2>"$dir/watch.err" 8>&- 9>&- || fail "hakprobe exited with $?"
	samples=$(sed -n "s/.* \([0-9]*\) samples of the allocator's CPU time.*/\1/p" "$dir/watch.err")
	((samples >= 1000)) && break
done
exec 8>&-
wait "$target" || fail "the target exited with $?"
python3 - "$dir" >"$dir/verdict" 2>&1 <<'END' || fail "$(cat "$dir/verdict")"
import json, math, re, sys
d = sys.argv[1]
report = json.loads(open(d + "/json").readlines()[-1])
cost = report["cost"]
says = open(d + "/watch.err").read()
samples = int(re.search(r"(\d+) samples of the allocator's CPU time", says).group(1))
assert samples > 300, f"only {samples} samples"
total, by = 0, {"often": 0, "seldom": 0, "malloc": 0, "free": 0}
truncated = 0
for line in open(d + "/cpu.folded"):
    stack, value = line.rsplit(" ", 1)
    frames, value = stack.split(";"), int(value)
    total += value
    truncated += value * (frames[0] == "[truncated]")
    for name in by:
        by[name] += value * (name in frames)
    assert "compute" not in frames, line
    assert {"malloc", "free"} & set(frames) or value < 0.02 * cost["cpu_ns"], f"no entry of the allocator: {line}"
# The zones of the same samples say the same.
share = sum(cost[z] for z in ("wrapper_share", "cold_share", "os_share"))
assert abs(total / (share * cost["cpu_ns"]) - 1) < 0.1, (total, share, cost["cpu_ns"])
got = by["often"] / (by["often"] + by["seldom"])
bound = 5 * math.sqrt(0.75 * 0.25 / samples) + 0.02
assert abs(got - 0.75) < bound, f"often has {got:.3f} of the time, 0.75 was expected ({samples} samples)"
assert truncated <= 0.01 * total, f"{truncated / total:.1%} truncated"
assert by["malloc"] > 0.1 * total and by["free"] > 0.1 * total, by
print(f"{samples} samples, {total / 1e9:.2f} s = {total / cost['cpu_ns']:.1%} of the CPU time; "
      f"{got:.3f} of it (0.75) by one caller, the rest by the other; {truncated / total:.2%} truncated")
END
[[ -s $dir/cpu.pb.gz ]] || fail "no cpu.pb.gz"
echo "CPU time of the allocator: $(cat "$dir/verdict")"
