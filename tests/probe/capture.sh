#!/bin/bash
# SPDX-License-Identifier: MIT
# A raw capture reports the same flame graph as the watch that took it; names of a stripped program
# come later from its debug file by build-id; damaged files are refused in one line.
. tests/probe/common.bash

cp "$OUT/tests/probe/flame_target" "$dir/whole"
id=$(readelf -n "$dir/whole" | awk '/Build ID/ { print $3 }')
mkdir -p "$dir/debug/.build-id/${id:0:2}" "$dir/run"
objcopy --only-keep-debug "$dir/whole" "$dir/debug/.build-id/${id:0:2}/${id:2}.debug"
strip -o "$dir/run/bare" "$dir/whole"

start bare "$dir/run/bare"
need_bpf
"$hakprobe" -p "$target" --ceiling 100 --flame alloc -o "$dir/x.hak" -o "$dir/live.folded" 5 >"$dir/view" \
	2>"$dir/view.err" 8>&- 9>&- &
watcher=$!
pids+=("$watcher")
wait_until "the attach" grep -q attached "$dir/view.err"
tell go
hear "done"
kill -INT "$watcher"
wait "$watcher" || fail "hakprobe exited with $?"
rm "$dir/run/bare" # another machine does not have it

"$hakprobe" report "$dir/x.hak" -o "$dir/later.folded" -o "$dir/later.svg" 2>"$dir/report.err" ||
	fail "report exited with $?"
cmp "$dir/live.folded" "$dir/later.folded" || fail "the report differs from the watch"
grep -q 'bare+0x' "$dir/later.folded" || fail "the program was to have no names"
grep -q '</svg>' "$dir/later.svg" || fail "later.svg is no SVG"
"$hakprobe" report --debug-dir "$dir/debug" "$dir/x.hak" -o "$dir/named.folded" 2>"$dir/report.err" ||
	fail "report exited with $?"
grep -q 'main;gather;heavy;malloc ' "$dir/named.folded" || fail "no names from the debug file: $(head -3 "$dir/named.folded")"
"$hakprobe" report --debug-dir "$dir/debug" "$dir/x.hak" >"$dir/table" || fail "report exited with $?"
for word in "pid $target" ' mallocs and ' ' 0 stacks are truncated' ' heavy < gather < main$' ' medium < gather < main$' ' light < main < '; do
	grep -q "$word" "$dir/table" || fail "the table has no '$word': $(cat "$dir/table")"
done
exactly=$(awk '/^exactly/ { print $2 }' "$dir/table")
((exactly >= 240000)) || fail "exactly $exactly mallocs, 240000 were made"

refuse() {
	"$hakprobe" report "$2" >"$dir/refused" 2>&1
	[[ $? == 1 && $(wc -l <"$dir/refused") == 1 ]] || fail "$2: $(cat "$dir/refused")"
	grep -q "$1" "$dir/refused" || fail "$2: $(cat "$dir/refused")"
}
size=$(stat -c %s "$dir/x.hak")
head -c $((size / 2)) "$dir/x.hak" >"$dir/half.hak"
refuse 'cut short' "$dir/half.hak"
cp "$dir/x.hak" "$dir/bad.hak"
printf 'XX' | dd of="$dir/bad.hak" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
refuse 'corrupt at byte' "$dir/bad.hak"
refuse 'is no capture' "$dir/table"
refuse 'cannot be opened' "$dir/none.hak"
"$hakprobe" report >"$dir/refused" 2>&1
[[ $? == 2 ]] || fail "report without a file must exit 2"
echo "capture of $size bytes: report as the watch, names later by build-id, 4 damaged files refused"
