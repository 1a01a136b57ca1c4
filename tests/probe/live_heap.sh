#!/bin/bash
# SPDX-License-Identifier: MIT
# --flame live of a program whose live bytes are known: each caller within its standard error; what is freed and what came before the attach is not there; --older leaves out what is
# young; the pprof file holds the same.
. tests/probe/common.bash

# Slow enough for the sampler's rate limit: samples then weigh R or twice as much.
HAKMEM_SAMPLE_BYTES=262144 start target "$OUT/tests/probe/live_target" 3000
hear early
need_bpf
"$hakprobe" -p "$target" --ceiling 100 --within 60000 --flame alloc,live,temporary -o "$dir/%k.folded" -o "$dir/heap.pb.gz" 0.5 \
	>"$dir/view" 2>"$dir/all.err" 8>&- 9>&- &
all=$!
pids+=("$all")
wait_until "the attach" grep -q attached "$dir/all.err"
tell go
hear first
# A second observer sees the second and third part only; of these it shows what is old.
"$hakprobe" -p "$target" --flame live --older 3600000 -o "$dir/old.folded" 0.5 >/dev/null \
	2>"$dir/old.err" 8>&- 9>&- &
old=$!
pids+=("$old")
wait_until "the second attach" grep -q attached "$dir/old.err"
tell go
hear "done"
for watcher in "$all" "$old"; do
	kill -INT "$watcher"
	wait "$watcher" || fail "hakprobe exited with $?"
done
nothing_lost "$dir/all.err"
grep -q ' 0 stacks are truncated, ' "$dir/all.err" || fail "$(cat "$dir/all.err")"
[[ -e $dir/old.folded && ! -s $dir/old.folded ]] || fail "--older: $(head -n 3 "$dir/old.folded")"
grep -q 'what was allocated before the attach is not seen' "$dir/all.err" || fail "no horizon"
grep -qE '^lifetime ' "$dir/view" || fail "no lifetimes in the summary"
grep -qE ' 100.0* % +churn < main' "$dir/view" || grep -qE '% +churn < main' "$dir/view" ||
	fail "churn is not among the temporary callers: $(tail -n 30 "$dir/view")"

python3 - "$dir" >"$dir/verdict" 2>&1 <<'END' || fail "$(cat "$dir/verdict")"
import re, sys
def read(name):
    sums = {}
    for line in open(f"{sys.argv[1]}/{name}.folded"):
        stack, value = line.rsplit(" ", 1)
        for caller in "keep", "leak", "churn", "early":
            if f";main;{caller};" in stack:
                sums[caller] = sums.get(caller, 0) + int(value)
    return sums
MIB, rounds, R = 1 << 20, 3 * 1024, 2 * 262144
# (bytes, size of a block) of each caller
truth = {"keep": [(rounds * 16384, 1024)],
         "leak": [(rounds * 24000, 6000), (rounds * 8768, 8768)]}
churned = {"churn": [(rounds * 85 * 1024, 1024)]}
import math
def check(kind, got, want):
    out = []
    for caller, parts in want.items():
        true = sum(b for b, _ in parts)
        # A sample of p = 1 - exp(-size/R) weighs size / p: variance b * size * (1 - p) / p.
        error = math.sqrt(sum(b * s * math.exp(-s / R) / -math.expm1(-s / R) for b, s in parts))
        # And at most one magazine a class at the start.
        z = (got.get(caller, 0) - true) / error
        # With an R that is rarely as great, 5.5 of these are seven standard errors.
        assert abs(z) < 5.5 + 65536 / error, f"{kind} {caller}: {got.get(caller, 0)}, true {true}, {z:+.1f} standard errors"
        out.append(f"{kind} {caller} {got[caller] / MIB:.1f} of {true / MIB:.1f} MiB ({z:+.1f} s.e.)")
    return out
live, alloc, temporary = read("live"), read("alloc"), read("temporary")
lines = check("live", live, truth) + check("alloc", alloc, {**truth, **churned}) + check("temporary", temporary, churned)
assert "churn" not in live and "early" not in live and "early" not in alloc, live
assert "keep" not in temporary and "leak" not in temporary, temporary
print("; ".join(lines))
END
if command -v go >/dev/null; then
	for type in inuse_space alloc_space; do
		HOME=$dir go tool pprof -top -unit=B -sample_index=$type "$dir/heap.pb.gz" >"$dir/$type" 2>"$dir/pprof.err" ||
			fail "go tool pprof: $(cat "$dir/pprof.err")"
		kind=${type%_space}
		folded=$dir/${kind/inuse/live}.folded
		sum=$(awk '{ s += $NF } /;main;leak;/ { l += $NF } END { printf "%d", l }' "$folded")
		python3 - "$dir/$type" "$sum" <<'END' || fail "$type of pprof: $(cat "$dir/$type")"
import sys
line = next(l for l in open(sys.argv[1]) if l.split()[-1] == "leak")
cum = float(line.split()[3].rstrip("B"))
assert abs(cum - float(sys.argv[2])) < 16, (cum, sys.argv[2])
END
	done
	pprof="go tool pprof agrees"
else
	pprof="go tool pprof was not there to ask"
fi
echo "live heap: $(cat "$dir/verdict"); $pprof"
