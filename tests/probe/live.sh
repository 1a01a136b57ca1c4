#!/bin/bash
# SPDX-License-Identifier: MIT
# The live view and the JSON of a busy target have what they promise.
. tests/probe/common.bash

start target "$OUT/tests/probe/exact_target" 400
need_bpf
tell go
"$hakprobe" -p "$target" 1 3 >"$dir/view" 2>"$dir/view.err" || fail "the live view exits with $?"
"$hakprobe" -p "$target" --json 1 3 >"$dir/json" 2>"$dir/json.err" || fail "--json exits with $?"

for word in "pid $target" "$libhakmem" 'build-id [0-9a-f]{16}' 'USDT hakmem:tally' 'perf_event' \
	'our cost .* 0 events lost' 'governor .*ceiling 1.00 %'  'not ours at least' 'malloc/s, .* free/s' 'hit ratio 9' 'memory    RSS' \
	'[1-9][0-9.]* ± [0-9.]+ ns/malloc' 'ns/cold visit' 'class   size malloc/s' 'libhakmem.so.1 +malloc' \
	'== summary of'; do
	grep -qE -- "$word" "$dir/view" || { cat "$dir/view"; fail "'$word' is not in the live view"; }
done
[[ $(grep -c '^== [0-9]' "$dir/view") == 3 ]] || fail "not three intervals in the live view"

python3 - "$dir/json" "$target" >"$dir/verdict" 2>&1 <<'END' || fail "$(cat "$dir/verdict")"
import json, sys
readings = [json.loads(line) for line in open(sys.argv[1])]
assert len(readings) == 3, f"{len(readings)} lines instead of 3"
for r in readings:
    assert list(r) == ["time", "pid", "totals", "interval", "classes", "routes", "memory", "cost", "probe", "governor"], list(r)
    assert r["pid"] == int(sys.argv[2])
    assert sum(r["routes"].values()) == r["totals"]["mallocs"]
    assert r["interval"]["mallocs"] > 0 and r["interval"]["frees"] > 0, r["interval"]
    assert r["totals"]["cold"] > 0 and r["totals"]["rss"] > 0
    assert r["probe"]["lost"] == 0 and r["probe"]["hits"] > 0, r["probe"]
    # Ten tallies a second and thread; a little slack for the edges of the interval.
    assert r["probe"]["hits"] <= 4 * (10 * r["interval"]["seconds"] + 2), r["probe"]
# Magazines that have found their size may need no refill for seconds.
assert sum(c["refills"] for c in readings[-1]["classes"]) >= sum(c["refills"] for c in readings[0]["classes"]) > 0
assert readings[-1]["totals"]["cold"] > readings[0]["totals"]["cold"]
cost = {k: sum(r["cost"][k] for r in readings) / 3 for k in ("wrapper_ns_per_malloc", "wrapper_ns_per_free", "samples")}
assert cost["wrapper_ns_per_malloc"] > 0 and cost["wrapper_ns_per_free"] > 0 and cost["samples"] > 0, cost
shares = readings[-1]["cost"]
total = sum(shares[k] for k in shares if k.endswith("_share"))
assert abs(total - 1) < 0.001, f"shares add up to {total}"
print(f"{readings[-1]['interval']['mallocs']} mallocs in a second, "
      f"{cost['wrapper_ns_per_malloc']:.1f} ns per malloc, {cost['wrapper_ns_per_free']:.1f} ns per free, "
      f"{readings[-1]['probe']['hits']} probe hits a second, probes cost {readings[-1]['probe']['target_percent']} % of a core")
END
echo "live view and JSON: $(cat "$dir/verdict")"
