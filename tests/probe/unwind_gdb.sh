#!/bin/bash
# SPDX-License-Identifier: MIT
# 256 stacks of a program without frame pointers are, frame by frame with inlined ones, those that
# gdb shows when it stops at the same place.
. tests/probe/common.bash

command -v gdb >/dev/null || { echo "skipped: gdb is not installed"; exit 77; }
program=$OUT/tests/probe/gdb_target
HAKMEM_SAMPLE_BYTES=1000 start target "$program"
need_bpf
cat >"$dir/stacks.py" <<'END'
import gdb
gdb.execute("set pagination off")
gdb.execute("set breakpoint pending on")
gdb.execute("set debuginfod enabled off")
gdb.execute("break leaf")
gdb.execute(f"run <{input_file} >/dev/null")
for i in range(256):
    frame, names = gdb.newest_frame(), []
    while frame:
        name = frame.name() or "?"
        names.append(name + " (inlined)" if frame.type() == gdb.INLINE_FRAME else name)
        frame = frame.older()
    with open(output_file, "a") as out:
        out.write(";".join(reversed(names)) + "\n")
    gdb.execute("continue")
END
echo go >"$dir/line"
timeout 120 gdb -nx -batch -ex "python input_file, output_file = '$dir/line', '$dir/gdb.stacks'" \
	-ex "set backtrace past-main on" -ex "set backtrace past-entry on" -x "$dir/stacks.py" "$program" \
	>"$dir/gdb.log" 2>&1 8>&- 9>&-
[[ -s $dir/gdb.stacks ]] || { echo "skipped: gdb cannot run the program: $(tail -n 1 "$dir/gdb.log")"; exit 77; }

"$hakprobe" -p "$target" --flame alloc -o "$dir/a.folded" 5 >"$dir/view" 2>"$dir/view.err" 8>&- 9>&- &
watcher=$!
pids+=("$watcher")
wait_until "the attach" grep -q attached "$dir/view.err"
for ((i = 0; i < 3000; i++)); do
	tell go
	hear "done"
done
kill -INT "$watcher"
wait "$watcher" || fail "hakprobe exited with $?"
grep -q ' 0 stacks are truncated' "$dir/view.err" || fail "$(cat "$dir/view.err")"
python3 - "$dir/gdb.stacks" "$dir/a.folded" <<'END' >"$dir/verdict" 2>&1 || fail "$(cat "$dir/verdict")"
import re, sys
def plain(stack):
    # gdb shows no arguments of templates' instances, another of libc's aliases, and not which part
    # of a function it is; an inlined function without linkage name has no namespace here.
    names = []
    for name in stack.split(";"):
        mark = " (inlined)" if name.endswith(" (inlined)") else ""
        name = re.sub(r"\(.*", "", name.removesuffix(mark)).strip()
        name = re.sub(r"^int (?=paths)", "", name).replace("paths::", "").replace("_impl", "")
        names.append(re.sub(r"\.part\.\d+$|^_*GI_+", "", name).lstrip("_") + mark)
    return ";".join(names)
gdb = {plain(line.strip()) for line in open(sys.argv[1])}
ours = {plain(line.rsplit(" ", 1)[0].removesuffix(";malloc")) for line in open(sys.argv[2])
        if line.rsplit(" ", 1)[0].endswith(";leaf;malloc")}
assert len(gdb) >= 200, f"gdb showed only {len(gdb)} stacks"
how = "name by name"
if any("+0x" in s for s in ours):
    # libc has no debug file here: gdb guesses at its static functions. The program's own must agree.
    own = lambda s: ";".join(n for n in s.split(";") if re.match("down|left|right|turn|compare|main|leaf", n))
    gdb, ours = {own(s) for s in gdb}, {own(s) for s in ours}
    how += " but for libc's nameless functions"
# Sampling has missed a few, but what it has seen must be what gdb shows.
wrong = sorted(ours - gdb)
assert not wrong, f"{len(wrong)} of {len(ours)} stacks are none of gdb's:\n{wrong[0]}\n{sorted(gdb)[0]}"
assert len(ours) >= 200, f"only {len(ours)} stacks were sampled"
print(f"{len(ours)} different stacks, all of them as gdb shows them, {how}")
END
cat "$dir/verdict"
