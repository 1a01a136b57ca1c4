#!/bin/bash
# SPDX-License-Identifier: MIT
# --latency: histograms of cold visits by route, of a busy target, in the windows that the ceiling allows;
# and --class: one size class alone in table and flame graph.
. tests/probe/common.bash
semaphore() { python3 tests/probe/semaphore.py "$target" "$libhakmem" "$1" "$2"; }
is() { [[ $(semaphore "$1" "$2") == "$3" ]]; }

start target "$OUT/tests/probe/exact_target" 4000
need_bpf
tell go
# The windows are short at first: until some visit has fallen into one.
"$hakprobe" -p "$target" --latency --json 0.5 >"$dir/json" 2>"$dir/json.err" 8>&- 9>&- &
watcher=$!
pids+=("$watcher")
seen() { lines "$dir/json" 8 && grep -q '"seen":[1-9]' "$dir/json"; }
wait_until "a visit to be seen" seen
kill -INT "$watcher"
wait "$watcher" || fail "--latency --json exits with $?"
"$hakprobe" -p "$target" --latency --ceiling 100 0.5 2 >"$dir/view" 2>"$dir/view.err" || fail "--latency exits with $?"
grep -q 'two traps' "$dir/view.err" || fail "does not say what it costs"
for word in '^cold visit +seen' '^malloc (magazine|depot|previous|span) ' 'cold visits were seen; [1-9][0-9]* ns' \
	'governor  .*latency in'; do
	grep -qE "$word" "$dir/view" || { cat "$dir/view"; fail "'$word' is not in the view"; }
done
for name in cold_begin cold_end; do
	is hakmem $name 0 || fail "hakmem:$name is up after the end"
done
"$hakprobe" -p "$target" --flame alloc -o "$dir/all.folded" --class 432B --ceiling 100 2 2 >"$dir/class" 2>"$dir/class.err" ||
	fail "--class exits with $?"
[[ $(grep -cE '^ +[0-9]+ +432 ' "$dir/class") == 3 ]] || fail "no table of class 432 alone: $(cat "$dir/class")"
grep -qE '^ +[0-9]+ +464 ' "$dir/class" && fail "other classes are shown as well"

python3 - "$dir/all.folded" "$dir/class" <<'END1' || fail "the flame graph is not that of the class alone"
import re, sys
weight = sum(int(line.rsplit(" ", 1)[1]) for line in open(sys.argv[1]))
text = open(sys.argv[2]).read().split("== summary")[1]
mallocs = float(re.search(r"([0-9.]+) M malloc/s", text).group(1)) * 1e6 * float(re.search(r" of ([0-9.]+) s", text).group(1))
assert 0 < weight < 0.2 * mallocs * 700, (weight, mallocs)  # one of twenty classes
END1

python3 - "$dir/json" >"$dir/verdict" 2>&1 <<'END2' || fail "$(cat "$dir/verdict")"
import json, sys
readings = [json.loads(line) for line in open(sys.argv[1])]
seen = 0
for r in readings:
    latency = r["latency"]
    assert latency["bias_ns"] > 0, latency
    assert latency["seen"] == sum(row["visits"] for row in latency["routes"])
    assert latency["seen"] <= latency["visits"] + 100, latency
    for row in latency["routes"]:
        assert row["operation"] in ("malloc", "free"), row
        assert sum(b[2] for b in row["buckets"]) == row["visits"], row
        assert all(b[1] is None or b[0] < b[1] for b in row["buckets"]), row
    seen += latency["seen"]
assert seen > 0, "no visit was seen"
assert r["governor"]["latency_share"] <= 1
names = {(row["operation"], row["route"]) for r in readings for row in r["latency"]["routes"]}
print(f"{seen} visits of {len(names)} kinds timed, {r['latency']['bias_ns']} ns of the probes' own subtracted")
END2
kill -0 "$target" || fail "the target has died"
echo "latency: $(cat "$dir/verdict"); one class alone in its table"
