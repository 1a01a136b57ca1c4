#!/bin/bash
# SPDX-License-Identifier: MIT
# The HTML report and the SVG of a real run, used in headless Chromium by pointer and keyboard.
. tests/probe/common.bash

for tool in chromium chromedriver python3; do
	command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed (make test-deps)" && exit 77; }
done
start target "$OUT/tests/probe/live_target"
hear early
need_bpf
"$hakprobe" -p "$target" --flame alloc,live,cpu -o "$dir/report.html" -o alloc="$dir/alloc.svg" 0.3 \
	>/dev/null 2>"$dir/watch.err" 8>&- 9>&- &
watcher=$!
pids+=("$watcher")
wait_until "the attach" grep -q attached "$dir/watch.err"
tell go
hear first
tell go
hear "done"
kill -INT "$watcher"
wait "$watcher" || fail "hakprobe exited with $?"
for page in report.html alloc.svg; do
	python3 tests/probe/browser.py "$dir/$page" >"$dir/$page.told" 2>&1 || fail "$page: $(tail -n 5 "$dir/$page.told")"
done
echo "in Chromium: $(cat "$dir/report.html.told"); SVG: $(cat "$dir/alloc.svg.told")"
