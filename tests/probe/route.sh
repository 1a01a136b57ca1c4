#!/bin/bash
# SPDX-License-Identifier: MIT
# --route: who takes it, in the flame graph, whose sum is exact, and in the tables; alone and with --class.
. tests/probe/common.bash

# watch NAME OPTION...: for 3 s; leaves NAME.folded, NAME.view and NAME.err.
watch() {
	timeout 60 "$hakprobe" -p "$target" --lines --flame alloc -o "$dir/$1.folded" --view caller "${@:2}" 1 3 \
		>"$dir/$1.view" 2>"$dir/$1.err" || fail "$*: exits with $?"
	[[ -s $dir/$1.folded ]] || fail "$*: the flame graph is empty: $(cat "$dir/$1.err")"
	grep -q ' 0 samples were lost' "$dir/$1.err" || fail "$*: $(cat "$dir/$1.err")"
}

start target "$OUT/tests/probe/route_target"
need_bpf
hear ready
watch span --route span --ceiling 5
watch both --route span --class 48B --ceiling 5 --latency
watch untold --route span --no-read --ceiling 5
watch magazine --route magazine
watch large --route large
timeout 60 "$hakprobe" -p "$target" --lines --route span 1 1 >"$dir/table" 2>/dev/null || fail "--route alone"
timeout 60 "$hakprobe" -p "$target" --lines --route checked 1 1 >"$dir/none" 2>/dev/null || fail "--route checked"
tell stop
hear "done"

python3 - "$dir" >"$dir/verdict" 2>&1 <<'END2' || fail "$(cat "$dir/verdict")"
import re, sys
def folded(name):
    weight, by = 0, {}
    for line in open(f"{sys.argv[1]}/{name}.folded"):
        stack, value = line.rsplit(" ", 1)
        frames = stack.split(";")
        assert frames[-1] == "malloc" and "main" in frames, line
        by[frames[-2]] = by.get(frames[-2], 0) + int(value)
        weight += int(value)
    return weight, by
def text(name): return open(f"{sys.argv[1]}/{name}").read()
for name in ("span", "both", "untold"):
    weight, by = folded(name)
    assert by.get("keep", 0) > 0.9 * weight, (name, by)
    seen, mallocs = map(int, re.search(r"(\d+) visits by route span were followed; they stand for (\d+) mallocs", text(f"{name}.err")).groups())
    assert 10 <= seen <= mallocs, (seen, mallocs)
    if name == "both":
        assert set(by) == {"keep"} and abs(weight - 48 * mallocs) <= 1 + len(by), (weight, mallocs, by)
        assert "\ncold visit " in text("both.view")
    else:
        assert "\ncold visit " not in text("span.view")
weight, by = folded("magazine")
assert set(by) == {"keep", "reuse"} and by["reuse"] > by["keep"] / 3, by
weight, by = folded("large")
assert set(by) == {"huge"}, by
rows = re.findall(r"^ +(\d+) +(\d+) ", text("table"), re.M)
assert rows and "48" in [size for _, size in rows], text("table")
assert "no malloc" in text("none") or not re.findall(r"^ +(\d+) +(\d+) ", text("none"), re.M), text("none")
print(f"route span: {seen} of {mallocs} visits followed, all by their caller")
END2
kill -0 "$target" || fail "the target has died"
cat "$dir/verdict"
