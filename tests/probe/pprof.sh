#!/bin/bash
# SPDX-License-Identifier: MIT
# The pprof file of a real run in `go tool pprof`: -top, -raw (mappings with build-ids), and -http.
. tests/probe/common.bash

command -v go >/dev/null || { echo "skipped: golang-go is not installed (make test-deps)" && exit 77; }
pprof=$(go tool -n pprof) || { echo "skipped: go has no pprof" && exit 77; }
start target "$OUT/tests/probe/live_target"
hear early
need_bpf
"$hakprobe" -p "$target" --flame alloc,live -o "$dir/heap.pb.gz" 0.5 >/dev/null 2>"$dir/watch.err" 8>&- 9>&- &
watcher=$!
pids+=("$watcher")
wait_until "the attach" grep -q attached "$dir/watch.err"
tell go
hear first
tell go
hear "done"
kill -INT "$watcher"
wait "$watcher" || fail "hakprobe exited with $?"
export HOME=$dir PPROF_TMPDIR=$dir
for type in alloc_objects alloc_space inuse_objects inuse_space; do
	"$pprof" -top -sample_index="$type" "$dir/heap.pb.gz" >"$dir/top" 2>"$dir/top.err" || fail "-top of $type"
	grep -qE ' main$' "$dir/top" || fail "no main in -top of $type: $(cat "$dir/top")"
done
"$pprof" -raw "$dir/heap.pb.gz" >"$dir/raw" 2>"$dir/raw.err" || fail "-raw"
for file in "$OUT/tests/probe/live_target" "$libhakmem"; do
	id=$(readelf -n "$file" | sed -n 's/.*Build ID: //p')
	grep -F "$(basename "$(realpath "$file")")" "$dir/raw" | grep -qF "$id" || fail "no mapping of $file with build-id $id: $(sed -n '/^Mappings/,$p' "$dir/raw")"
done
# The address of `leak` is in the function of that name.
python3 - "$dir/raw" "$OUT/tests/probe/live_target" >"$dir/verdict" 2>&1 <<'END' || fail "$(cat "$dir/verdict")"
import re, subprocess, sys
raw = open(sys.argv[1]).read()
place = re.search(r"^ *\d+: 0x([0-9a-f]+) M=(\d+) leak", raw, re.M)
ip, mapping = int(place.group(1), 16), place.group(2)
start, offset = (int(x, 16) for x in re.search(rf"^{mapping}: 0x([0-9a-f]+)/0x[0-9a-f]+/0x([0-9a-f]+)", raw, re.M).groups())
for line in subprocess.check_output(["nm", "-S", sys.argv[2]], text=True).splitlines():
    fields = line.split()
    if fields[-1] == "leak":
        at, size = int(fields[0], 16), int(fields[1], 16)
assert at <= ip - start + offset < at + size, (hex(ip), hex(start), hex(offset), hex(at))
END
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$pprof" -http="127.0.0.1:$port" -no_browser "$dir/heap.pb.gz" >"$dir/http.log" 2>&1 8>&- 9>&- &
pids+=($!)
fetch() { python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=30).read().decode())' "http://127.0.0.1:$port/$1" >"$dir/page" 2>/dev/null; }
wait_until "pprof's server" fetch ui/top
grep -q leak "$dir/page" || fail "no leak in /ui/top"
fetch 'ui/flamegraph?si=inuse_space' && grep -q leak "$dir/page" || fail "no leak in /ui/flamegraph"
echo "go tool pprof: -top of four values, -raw with build-ids and addresses, -http with top and flame graph"
