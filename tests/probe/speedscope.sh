#!/bin/bash
# SPDX-License-Identifier: MIT
# A .speedscope.json of a real run is valid by speedscope's own schema and opens in speedscope. The npm
# package is looked for in SPEEDSCOPE, where npm keeps global packages, and in the registry.
. tests/probe/common.bash

for tool in chromium chromedriver python3; do
	command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed (make test-deps)" && exit 77; }
done
python3 -c 'import jsonschema' 2>/dev/null || { echo "skipped: python3-jsonschema is not installed (make test-deps)" && exit 77; }
release=
for place in "${SPEEDSCOPE:-}" "$(npm root -g 2>/dev/null)/speedscope"; do
	[[ -e $place/dist/release/index.html ]] && release=$place/dist/release
done
if [[ -z $release ]]; then
	timeout 60 npm install --no-audit --no-fund --ignore-scripts --prefix "$dir" speedscope@1.25.0 >"$dir/npm" 2>&1
	release=$dir/node_modules/speedscope/dist/release
	[[ -e $release/index.html ]] || { echo "skipped: the npm package speedscope is not to be had (SPEEDSCOPE names its directory)" && exit 77; }
fi

start target "$OUT/tests/probe/live_target"
hear early
need_bpf
"$hakprobe" -p "$target" --flame alloc,live,cpu -o "$dir/run.speedscope.json" 0.3 >/dev/null 2>"$dir/watch.err" 8>&- 9>&- &
watcher=$!
pids+=("$watcher")
wait_until "the attach" grep -qs attached "$dir/watch.err"
tell go
hear first
tell go
hear "done"
kill -INT "$watcher"
wait "$watcher" || fail "hakprobe exited with $?"
python3 tests/probe/speedscope.py "$release" "$dir/run.speedscope.json" ${SCREENSHOT:-} >"$dir/told" 2>&1 || fail "$(tail -n 5 "$dir/told")"
echo "speedscope: $(cat "$dir/told")"
